//! Lists that stay short whatever is put into them, and say how much they left out.

/// The first of many.
#[derive(Debug)]
pub(super) struct Few<T> {
    kept: Vec<T>,
    limit: usize,
    more: usize,
}

impl<T> Few<T> {
    pub(super) fn up_to(limit: usize) -> Self {
        Self { kept: Vec::new(), limit, more: 0 }
    }

    /// Keeps it if there is room, and says where.
    pub(super) fn push(&mut self, item: T) -> Option<usize> {
        if self.kept.len() == self.limit {
            self.more += 1;
            return None;
        }
        self.kept.push(item);
        Some(self.kept.len() - 1)
    }

    pub(super) fn kept(&self) -> &[T] {
        &self.kept
    }

    pub(super) fn at(&mut self, index: usize) -> Option<&mut T> {
        self.kept.get_mut(index)
    }

    pub(super) fn more(&self) -> usize {
        self.more
    }

    pub(super) fn into_kept(self) -> Vec<T> {
        self.kept
    }
}

impl Few<String> {
    /// Each name once.
    pub(super) fn name(&mut self, name: String) {
        if !self.kept.contains(&name) {
            self.push(name);
        }
    }

    /// The names, and a word if there were more.
    pub(super) fn into_names(mut self) -> Vec<String> {
        if self.more > 0 {
            self.kept.push("and more".to_owned());
        }
        self.kept
    }
}
