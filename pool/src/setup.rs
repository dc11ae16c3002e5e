//! What a pool is made of, decided before anything is reserved.

#![forbid(unsafe_code)]

use crate::config::{NumaPolicy, OnFull, PageSize, PoolConfig};
use crate::error::InitError;
use crate::numa::{Routes, Topology};
use crate::slab::layout::Plan;
use crate::slot::Form;
use crate::source::{Refused, Wish};

/// A configuration on a machine.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) config: PoolConfig,
    pub(crate) plan: Plan,
    pub(crate) form: Form,
    pub(crate) routes: Routes,
    /// Whether memory is bound to nodes: not on a topology that is not this system's.
    binds: bool,
    /// Slots of the capacity that each home has a share of.
    shares: Vec<usize>,
}

impl Setup {
    pub(crate) fn new(config: PoolConfig, form: impl Into<Form>) -> Result<Self, InitError> {
        let form = form.into();
        if config.numa == NumaPolicy::LocalOnly && config.on_full != OnFull::Error {
            let on_full = config.on_full;
            return Err(InitError::NotLocal { on_full });
        }
        let topology = config.topology.unwrap_or_else(Topology::this_machine);
        let routes = Routes::new(topology);
        let homes = routes.homes();
        let plan = Plan::new(&config, form, homes.len())?;
        // A node without processors is asked when the others have no more, or in its turn.
        let shares_in = |&&id: &&u32| {
            let mut nodes = topology.nodes().iter();
            let has_cpus = nodes.any(|node| node.id == id && !node.cpus.is_empty());
            config.numa == NumaPolicy::Interleaved || has_cpus
        };
        let sharing: Vec<u32> = homes.iter().filter(shares_in).copied().collect();
        let shares = homes
            .iter()
            .map(|id| match sharing.len() {
                0 => plan.capacity.div_ceil(homes.len()),
                _ if !sharing.contains(id) => 0,
                count => plan.capacity.div_ceil(count),
            })
            .collect();
        Ok(Self {
            config,
            plan,
            form,
            binds: homes.len() > 1 && topology.is_this_system(),
            routes,
            shares,
        })
    }

    /// Whether memory is on more than one node, so that the node of a thread matters.
    pub(crate) fn is_numa(&self) -> bool {
        self.routes.homes().len() > 1 || self.is_strict()
    }

    /// Whether a thread is given its own node's memory only.
    pub(crate) fn is_strict(&self) -> bool {
        self.config.numa == NumaPolicy::LocalOnly && self.routes.stations() > 1
    }

    /// Whether memory is taken when the pool is made.
    pub(crate) fn is_eager(&self) -> bool {
        self.config.prefault || self.config.lock || self.takes_pages()
    }

    /// Whether pages are to be there when the pool is made: those that could kill later, and those
    /// that are required.
    fn takes_pages(&self) -> bool {
        match self.config.pages {
            PageSize::Huge2M | PageSize::Huge1G => true,
            PageSize::Transparent => self.config.pages_required,
            PageSize::Base => false,
        }
    }

    /// Slots of the capacity that a home has a share of.
    pub(crate) fn share(&self, home: usize) -> usize {
        self.shares[home]
    }

    /// Slots that a home alone has leave for.
    pub(crate) fn quota(&self, home: usize) -> usize {
        match (self.is_strict(), self.is_eager()) {
            (true, _) => self.plan.slots,
            (_, true) => self.share(home),
            _ => 0,
        }
    }

    /// Slots that any home has leave for.
    pub(crate) fn common_quota(&self) -> usize {
        let own: usize = (0..self.shares.len()).map(|home| self.quota(home)).sum();
        self.plan.slots.saturating_sub(own)
    }

    /// Bytes that the source of a home commits at once.
    pub(crate) fn eager_bytes(&self, home: usize) -> usize {
        if self.takes_pages() {
            self.share(home) * self.plan.stride
        } else {
            0
        }
    }

    /// What the source of a home is asked for.
    pub(crate) fn wish(&self, home: usize) -> Wish {
        Wish {
            pages: self.config.pages,
            required: match self.config.pages_required {
                true => self.eager_bytes(home),
                false => 0,
            },
            node: self.node(home),
            strict: self.is_strict(),
        }
    }

    /// The node that a home's memory is to be on.
    pub(crate) fn node(&self, home: usize) -> Option<u32> {
        self.binds.then(|| self.routes.homes()[home])
    }

    /// What to say of memory that the system refused.
    pub(crate) fn refusal(&self, refused: Refused, home: usize, bytes: usize) -> InitError {
        let config = &self.config;
        let required = config.pages_required.then_some(config.pages);
        refused.of_memory(bytes, required, self.node(home), self.is_strict())
    }
}
