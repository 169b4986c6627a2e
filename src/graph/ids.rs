//! Dense ids: a `u32` each, typed so that they cannot be confused.

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$documentation:meta])* $name:ident) => {
        $(#[$documentation])*
        #[repr(transparent)]
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
            bytemuck::Pod, bytemuck::Zeroable,
        )]
        pub struct $name(pub u32);

        impl $name {
            /// As an index into a dense array.
            pub fn index(self) -> usize {
                self.0 as usize
            }

            /// The id with this index.
            ///
            /// # Panics
            /// Beyond `u32::MAX`: 4,294,967,295 of anything is out of wake's reach.
            pub fn from_index(index: usize) -> Self {
                Self(u32::try_from(index).expect("BUG: more than u32::MAX ids"))
            }
        }
    };
}

id!(
    /// A path that the state knows: assigned once in a workspace and never used for another path.
    FileId
);
id!(
    /// An operation of one graph, in topological order: what an operation needs has smaller ids.
    OperationId
);
id!(
    /// An instance (package, module, parameters, config, variant) of one graph.
    InstanceId
);
