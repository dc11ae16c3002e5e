//! The methods that allocate, for the arena, scopes, and the view without destructors: written once.

/// Those that take values with or without destructors. `$self` is the receiver's type, good for `$s`, with the
/// lifetime in brackets if it is each method's own; values are as `$bound` says; what becomes of them is
/// `$ends`, for the documentation.
macro_rules! alloc_values {
    ([$($generic:lifetime)?] $self:ty, $s:lifetime, [$($bound:tt)*], $ends:literal) => {
        /// Moves a value into the arena. O(1): a subtraction and a test, as long as the chunk lasts.
        ///
        #[doc = $ends]
        ///
        /// # Panics
        ///
        /// Panics if there is no memory: the limit is reached, or the system refuses.
        #[inline(always)]
        #[track_caller]
        pub fn alloc<$($generic,)? T: $($bound)*>(self: $self, value: T) -> &$s mut T {
            match self.place_of::<T>().value(value) {
                Ok(value) => value,
                Err((refusal, _)) => refusal.panic(),
            }
        }

        /// Moves a value into the arena, if there is room.
        ///
        #[doc = $ends]
        ///
        /// # Errors
        ///
        /// [`ArenaFull`] gives the value back.
        #[inline(always)]
        pub fn try_alloc<$($generic,)? T: $($bound)*>(self: $self, value: T) -> Result<&$s mut T, ArenaFull<T>> {
            self.place_of::<T>().value(value).map_err(|(refusal, value)| refusal.with(value))
        }

        /// Makes a value in the arena: a large one need not be on the stack first. `f` may allocate, too.
        ///
        #[doc = $ends]
        ///
        /// # Panics
        ///
        /// Panics if there is no memory, before `f` is called; or if `f` does.
        #[inline(always)]
        #[track_caller]
        pub fn alloc_with<$($generic,)? T: $($bound)*>(self: $self, f: impl FnOnce() -> T) -> &$s mut T {
            match self.place_of::<T>().reserve::<T>() {
                Ok(room) => room.fill_with(f),
                Err(refusal) => refusal.panic(),
            }
        }

        /// Makes a value in the arena, if there is room.
        ///
        #[doc = $ends]
        ///
        /// # Errors
        ///
        /// [`ArenaFull`] gives `f` back, which was not called.
        ///
        /// # Panics
        ///
        /// Panics if `f` does.
        #[inline(always)]
        pub fn try_alloc_with<$($generic,)? T: $($bound)*, F: FnOnce() -> T>(self: $self, f: F) -> Result<&$s mut T, ArenaFull<F>> {
            self.place_of::<T>().value_with(f)
        }

        /// Clones the items of a slice into the arena. O(length).
        ///
        #[doc = $ends]
        ///
        /// # Panics
        ///
        /// Panics if there is no memory, or if a clone does; those that were made are dropped then.
        #[inline]
        #[track_caller]
        pub fn alloc_slice_clone<$($generic,)? T: Clone + $($bound)*>(self: $self, items: &[T]) -> &$s mut [T] {
            self.place_of::<T>().slice_clone(items).unwrap_or_else(|refusal| refusal.panic())
        }

        /// Clones the items of a slice into the arena, if there is room.
        ///
        #[doc = $ends]
        ///
        /// # Errors
        ///
        /// There is no room.
        ///
        /// # Panics
        ///
        /// Panics if a clone does; those that were made are dropped then.
        #[inline]
        pub fn try_alloc_slice_clone<$($generic,)? T: Clone + $($bound)*>(self: $self, items: &[T]) -> Result<&$s mut [T], ArenaFull> {
            self.place_of::<T>().slice_clone(items).map_err(|refusal| refusal.with(()))
        }

        /// Makes `len` items in the arena, each by its index. O(length).
        ///
        #[doc = $ends]
        ///
        /// # Panics
        ///
        /// Panics if there is no memory, or if `f` does; the items that were made are dropped then.
        #[inline]
        #[track_caller]
        pub fn alloc_slice_fill_with<$($generic,)? T: $($bound)*>(self: $self, len: usize, f: impl FnMut(usize) -> T) -> &$s mut [T] {
            self.place_of::<T>().slice_fill_with(len, f).unwrap_or_else(|full| full.panic())
        }

        /// Makes `len` items in the arena, each by its index, if there is room.
        ///
        #[doc = $ends]
        ///
        /// # Errors
        ///
        /// [`ArenaFull`] gives `f` back, which was not called.
        ///
        /// # Panics
        ///
        /// Panics if `f` does; the items that were made are dropped then.
        #[inline]
        pub fn try_alloc_slice_fill_with<$($generic,)? T: $($bound)*, F: FnMut(usize) -> T>(self: $self, len: usize, f: F) -> Result<&$s mut [T], ArenaFull<F>> {
            self.place_of::<T>().slice_fill_with(len, f)
        }

        /// Moves the items of an iterator into the arena, however many there are. The iterator may allocate of
        /// it meanwhile. O(length): the slice grows where it is, or is moved to twice the room.
        ///
        #[doc = $ends]
        ///
        /// # Panics
        ///
        /// Panics if there is no memory, or if the iterator does; the items that were taken are dropped then.
        #[inline]
        #[track_caller]
        pub fn alloc_iter<$($generic,)? T: $($bound)*>(self: $self, items: impl IntoIterator<Item = T>) -> &$s mut [T] {
            self.place_of::<T>().items(items.into_iter()).unwrap_or_else(|refusal| refusal.panic())
        }

        /// Moves the items of an iterator into the arena, if there is room for all.
        ///
        #[doc = $ends]
        ///
        /// # Errors
        ///
        /// There is no room. The items that were taken are dropped.
        ///
        /// # Panics
        ///
        /// Panics if the iterator does; the items that were taken are dropped then.
        #[inline]
        pub fn try_alloc_iter<$($generic,)? T: $($bound)*>(self: $self, items: impl IntoIterator<Item = T>) -> Result<&$s mut [T], ArenaFull> {
            self.place_of::<T>().items(items.into_iter()).map_err(|refusal| refusal.with(()))
        }
    };
}

/// Those that take what has no destructor, or leaves it to its owner; and scopes.
macro_rules! alloc_bytes {
    ($is_top:literal) => {
        /// Copies a string into the arena.
        ///
        /// # Panics
        ///
        /// Panics if there is no memory.
        #[inline]
        #[track_caller]
        pub fn alloc_str(&self, text: &str) -> &mut str {
            self.place()
                .text(text)
                .unwrap_or_else(|refusal| refusal.panic())
        }

        /// Copies a string into the arena, if there is room.
        ///
        /// # Errors
        ///
        /// There is no room.
        #[inline]
        pub fn try_alloc_str(&self, text: &str) -> Result<&mut str, ArenaFull> {
            self.place().text(text).map_err(|refusal| refusal.with(()))
        }

        /// Copies a slice into the arena.
        ///
        /// # Panics
        ///
        /// Panics if there is no memory.
        #[inline]
        #[track_caller]
        pub fn alloc_slice_copy<T: Copy>(&self, items: &[T]) -> &mut [T] {
            self.place()
                .slice_copy(items)
                .unwrap_or_else(|refusal| refusal.panic())
        }

        /// Copies a slice into the arena, if there is room.
        ///
        /// # Errors
        ///
        /// There is no room.
        #[inline]
        pub fn try_alloc_slice_copy<T: Copy>(&self, items: &[T]) -> Result<&mut [T], ArenaFull> {
            self.place()
                .slice_copy(items)
                .map_err(|refusal| refusal.with(()))
        }

        /// Text as `format!` makes it; [`format_in!`](crate::format_in) is the way to write it.
        ///
        /// # Panics
        ///
        /// Panics if there is no memory, or if a `Display` does, or says that it failed.
        #[track_caller]
        pub fn alloc_fmt(&self, arguments: fmt::Arguments<'_>) -> &mut str {
            self.place()
                .formatted(arguments)
                .unwrap_or_else(|refusal| refusal.panic())
        }

        /// Text as `format!` makes it, if there is room.
        ///
        /// # Errors
        ///
        /// There is no room.
        ///
        /// # Panics
        ///
        /// Panics if a `Display` does, or says that it failed.
        pub fn try_alloc_fmt(&self, arguments: fmt::Arguments<'_>) -> Result<&mut str, ArenaFull> {
            self.place()
                .formatted(arguments)
                .map_err(|refusal| refusal.with(()))
        }

        /// Memory of a layout, of which nothing is initialised, good as long as a reference would be.
        ///
        /// # Panics
        ///
        /// Panics if there is no memory.
        #[inline]
        #[track_caller]
        pub fn alloc_layout(&self, layout: Layout) -> NonNull<u8> {
            self.place()
                .block_of(layout, End::High)
                .unwrap_or_else(|refusal| refusal.panic())
        }

        /// Memory of a layout, if there is room.
        ///
        /// # Errors
        ///
        /// There is no room.
        #[inline]
        pub fn try_alloc_layout(&self, layout: Layout) -> Result<NonNull<u8>, ArenaFull> {
            self.place()
                .block_of(layout, End::High)
                .map_err(|refusal| refusal.with(()))
        }

        /// Moves a value into the arena, for an owner that drops it. What it borrows may be in this arena, too.
        ///
        /// # Panics
        ///
        /// Panics if there is no memory.
        #[inline(always)]
        #[track_caller]
        pub fn alloc_box<T>(&self, value: T) -> ArenaBox<'_, T> {
            match self.place().owned(value) {
                Ok(value) => ArenaBox::new(value),
                Err(full) => full.panic(),
            }
        }

        /// Moves a value into the arena, for an owner that drops it, if there is room.
        ///
        /// # Errors
        ///
        /// [`ArenaFull`] gives the value back.
        #[inline(always)]
        pub fn try_alloc_box<T>(&self, value: T) -> Result<ArenaBox<'_, T>, ArenaFull<T>> {
            self.place().owned(value).map(ArenaBox::new)
        }

        /// The same memory for values without a destructor, which may borrow from what is in it already: a
        /// graph of nodes, a tree.
        ///
        /// ```
        /// use pool::Arena;
        ///
        /// struct Node<'s> {
        ///     value: i32,
        ///     next: Option<&'s Node<'s>>,
        /// }
        ///
        /// Arena::new().scope(|s| {
        ///     let nodes = s.no_drop();
        ///     let last = nodes.alloc(Node { value: 2, next: None });
        ///     let first = nodes.alloc(Node { value: 1, next: Some(last) });
        ///     assert_eq!(first.value + first.next.unwrap().value, 3);
        /// });
        /// ```
        #[inline(always)]
        #[must_use]
        pub fn no_drop(&self) -> NoDrop<'_> {
            NoDrop::new(self.place())
        }

        /// Runs `f` with a scope: at its end, or if it panics, the values that it allocated are dropped, newest
        /// first, and the memory is free again. O(1), and the destructors; values without one cost nothing.
        ///
        /// References from before may be used within. So may this: what is allocated of it while the scope is
        /// open outlives the scope, and comes from a chunk of its own. (So it is better not done often.)
        ///
        /// ```
        /// use pool::Arena;
        ///
        /// let arena = Arena::new();
        /// let sum = arena.scope(|s| {
        ///     let prices = s.alloc_slice_copy(&[99, 101]);
        ///     s.scope(|t| *t.alloc(prices[0]) + prices[1])
        /// });
        /// assert_eq!(sum, 200);
        /// assert_eq!(arena.stats().allocated, 0);
        /// ```
        ///
        /// # Panics
        ///
        /// Panics if `f` does, or a destructor: the others are run all the same.
        #[inline(always)]
        pub fn scope<'outer, R>(&'outer self, f: impl FnOnce(&Scope<'outer>) -> R) -> R {
            Scope::run(self.place(), $is_top, f)
        }

        /// A scope that ends when the guard is dropped. Guards may be dropped in any order; the memory of one
        /// that is forgotten is free again when what it was made of ends, or is reset.
        ///
        /// ```
        /// use pool::Arena;
        ///
        /// let arena = Arena::new();
        /// let scope = arena.scope_guard();
        /// let order = scope.alloc((7, 100));
        /// order.1 += 1;
        /// assert_eq!(*order, (7, 101));
        /// ```
        #[inline(always)]
        #[must_use = "the scope ends when the guard is dropped"]
        pub fn scope_guard(&self) -> ScopeGuard<'_> {
            ScopeGuard::begin(self.place(), $is_top)
        }
    };
}

pub(super) use {alloc_bytes, alloc_values};
