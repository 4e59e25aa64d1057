//! The eras of Keras, told by the version that a file notes.

/// The Keras whose meaning a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Era {
    /// Keras 1.x.
    Keras1,
    /// Keras 2.x, tf.keras and tf-keras.
    Keras2,
    /// Keras 3.
    Keras3,
}

impl Era {
    /// By version: `1.2.2`, `2.2.4-tf`, `3.15.1`; a file that notes none was written by Keras 1.
    pub fn of(version: Option<&str>) -> Self {
        match version.and_then(|version| version.split('.').next()) {
            Some("2") => Self::Keras2,
            None | Some("0" | "1" | "") => Self::Keras1,
            Some(_) => Self::Keras3,
        }
    }

    /// The name that people read.
    pub fn name(self) -> &'static str {
        match self {
            Self::Keras1 => "1.x",
            Self::Keras2 => "2.x",
            Self::Keras3 => "3.x",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_decides() {
        assert_eq!(Era::of(None), Era::Keras1);
        assert_eq!(Era::of(Some("1.2.2")), Era::Keras1);
        assert_eq!(Era::of(Some("2.2.4-tf")), Era::Keras2);
        assert_eq!(Era::of(Some("2.21.0")), Era::Keras2);
        assert_eq!(Era::of(Some("3.0.5")), Era::Keras3);
        assert_eq!(Era::of(Some("4.0.0")), Era::Keras3);
    }
}
