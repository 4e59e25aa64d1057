//! Keys of object-based checkpoints: edge names, escaped, and the attribute.

/// Ends the key of a variable's value.
pub(crate) const VALUE_SUFFIX: &str = "/.ATTRIBUTES/VARIABLE_VALUE";
/// Key of the object graph.
pub(crate) const OBJECT_GRAPH_KEY: &str = "_CHECKPOINTABLE_OBJECT_GRAPH";
/// Name of the attribute that holds a variable's value.
pub(crate) const VALUE_ATTRIBUTE: &str = "VARIABLE_VALUE";

/// An edge name as keys spell it.
pub(crate) fn escape(name: &str) -> String {
    name.replace('.', "..").replace('/', ".S")
}

/// The key of the value of the variable that these edges lead to.
pub(crate) fn value_key(path: &[String]) -> String {
    // The markers that the format itself puts between edges stay as they are.
    let part = |name: &String| if name == ".OPTIMIZER_SLOT" { name.clone() } else { escape(name) };
    path.iter().map(part).collect::<Vec<_>>().join("/") + VALUE_SUFFIX
}

/// The path of a variable: its key without the attribute.
pub(crate) fn path_of_key(key: &str) -> &str {
    key.strip_suffix(VALUE_SUFFIX).unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_escaped_as_tensorflow_does() {
        let key = value_key(&["a".to_owned(), "x/y.z".to_owned()]);
        assert_eq!(key, "a/x.Sy..z/.ATTRIBUTES/VARIABLE_VALUE");
        assert_eq!(path_of_key(&key), "a/x.Sy..z");
    }
}
