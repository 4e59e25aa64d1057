//! `Transfer`: takes from a saved model what fits into another one, and says what did not.

use std::fmt;

use indexmap::IndexMap;
use kerata_core::array::Array;
use kerata_core::{Artifact, Error, Result, ResultExt, Role, Variable};

/// How variables of two models are brought together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MatchBy {
    /// By path: `layers/dense_1/vars/0`, the kind and order of layers.
    #[default]
    Path,
    /// By the names of layers, nested ones joined: `encoder/attention/0`, where the last part is the variable's number.
    Name,
}

/// What to take, and how.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Transfer {
    /// How variables are brought together.
    pub match_by: MatchBy,
    /// Names in the source and what they are called in the target: whole ones, or the parts up to a `/`.
    pub renames: Vec<(String, String)>,
    /// Whether variables of other shapes, and ones that are missing, are left as they are instead of being an error.
    pub skip_mismatch: bool,
    /// Whether the optimizer's state is taken too; only when all of it fits.
    pub optimizer: bool,
}

/// A variable that has another shape in the source.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mismatch {
    /// Its path in the target.
    pub target: String,
    /// Its path in the source.
    pub source: String,
    /// What the target needs.
    pub expected: String,
    /// What the source holds.
    pub found: String,
}

/// What was taken and what was not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransferReport {
    /// Paths in the target, and where their values came from.
    pub restored: Vec<(String, String)>,
    /// Variables of other shapes.
    pub mismatched: Vec<Mismatch>,
    /// Variables of the target that the source does not have.
    pub missing: Vec<String>,
    /// Variables of the source that the target does not have.
    pub unused: Vec<String>,
}

impl Transfer {
    /// By path, everything must fit, without the optimizer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how variables are brought together.
    #[must_use]
    pub fn match_by(mut self, match_by: MatchBy) -> Self {
        self.match_by = match_by;
        self
    }

    /// Adds what a name in the source is called in the target.
    #[must_use]
    pub fn rename(mut self, source: impl Into<String>, target: impl Into<String>) -> Self {
        self.renames.push((source.into(), target.into()));
        self
    }

    /// Sets whether what does not fit is left as it is.
    #[must_use]
    pub fn skip_mismatch(mut self, skip_mismatch: bool) -> Self {
        self.skip_mismatch = skip_mismatch;
        self
    }

    /// Sets whether the optimizer's state is taken too.
    #[must_use]
    pub fn optimizer(mut self, optimizer: bool) -> Self {
        self.optimizer = optimizer;
        self
    }

    /// Gives the target's variables the values of the source's. On an error the target is as it was.
    pub fn apply(&self, target: &mut Artifact, source: &Artifact) -> Result<TransferReport> {
        let mut report = TransferReport::default();
        let mut values = Vec::new();
        self.weights(target, source, &mut report, &mut values)?;
        if self.optimizer {
            optimizer(target, source, &mut report, &mut values);
        }
        let is_whole = report.mismatched.is_empty() && report.missing.is_empty();
        if !is_whole && !self.skip_mismatch {
            return Err(Error::mismatch(report.problems()).hint("skip what does not fit to take the rest"));
        }
        for (path, value) in values {
            if let Some(variable) = target.variables.get_mut(&path) {
                variable.data = value.data;
            }
        }
        Ok(report)
    }

    fn weights(
        &self,
        target: &Artifact,
        source: &Artifact,
        report: &mut TransferReport,
        values: &mut Vec<(String, Variable)>,
    ) -> Result<()> {
        let mut by_key: IndexMap<String, (&str, &Variable)> = IndexMap::new();
        for (path, variable) in source.weights() {
            by_key.insert(self.renamed(&self.key(source, path)), (path, variable));
        }
        for (path, wanted) in target.weights() {
            let Some((from, found)) = by_key.shift_remove(&self.key(target, path)) else {
                report.missing.push(path.to_owned());
                continue;
            };
            if found.shape != wanted.shape {
                report.mismatched.push(mismatch(path, wanted, from, found));
                continue;
            }
            let value = fitted(found, wanted).at(|| format!("variable `{from}`"))?;
            values.push((path.to_owned(), value));
            report.restored.push((path.to_owned(), from.to_owned()));
        }
        report.unused.extend(by_key.into_values().map(|(path, _)| path.to_owned()));
        Ok(())
    }

    fn key(&self, artifact: &Artifact, path: &str) -> String {
        match self.match_by {
            MatchBy::Path => path.to_owned(),
            MatchBy::Name => by_name(artifact, path),
        }
    }

    fn renamed(&self, key: &str) -> String {
        for (from, to) in &self.renames {
            match key.strip_prefix(from.as_str()) {
                Some("") => return to.clone(),
                Some(rest) if rest.starts_with('/') => return format!("{to}{rest}"),
                _ => {}
            }
        }
        key.to_owned()
    }
}

/// The names of the objects that a variable lies in, without the model's own, and its number.
fn by_name(artifact: &Artifact, path: &str) -> String {
    let (owner, number) = path.split_once("/vars/").unwrap_or(("", path));
    let ends = owner.char_indices().filter(|(_, c)| *c == '/').map(|(at, _)| at).chain([owner.len()]);
    let mut names: Vec<&str> = ends
        .filter_map(|end| artifact.objects.get(owner.get(..end)?)?.as_deref())
        .filter(|name| !name.is_empty())
        .collect();
    if names.is_empty() {
        names.push(owner);
    }
    names.push(number);
    names.join("/")
}

/// The optimizer's variables, all or none: a slot belongs to a weight by its number alone.
fn optimizer(
    target: &Artifact,
    source: &Artifact,
    report: &mut TransferReport,
    values: &mut Vec<(String, Variable)>,
) {
    let wanted: Vec<_> = target.optimizer().collect();
    let found: Vec<_> = source.optimizer().collect();
    let fits = |((a, wanted), (b, found)): (&(&str, &Variable), &(&str, &Variable))| {
        a == b && wanted.shape == found.shape && wanted.dtype == found.dtype
    };
    if wanted.len() == found.len() && wanted.iter().zip(&found).all(fits) {
        for (path, value) in found {
            values.push((path.to_owned(), value.clone()));
            report.restored.push((path.to_owned(), path.to_owned()));
        }
    } else {
        report.missing.extend(wanted.iter().map(|(path, _)| (*path).to_owned()));
        report.unused.extend(found.iter().map(|(path, _)| (*path).to_owned()));
    }
}

/// The value in the dtype that the target needs.
fn fitted(found: &Variable, wanted: &Variable) -> Result<Variable> {
    if found.dtype == wanted.dtype {
        return Ok(found.clone());
    }
    let role = wanted.role;
    Ok(Array::from_variable(found)?.cast(wanted.dtype)?.to_variable()?.with_role(role))
}

fn mismatch(target: &str, wanted: &Variable, source: &str, found: &Variable) -> Mismatch {
    let shown = |variable: &Variable| format!("{} {:?}", variable.dtype, variable.shape);
    Mismatch {
        target: target.to_owned(),
        source: source.to_owned(),
        expected: shown(wanted),
        found: shown(found),
    }
}

impl TransferReport {
    /// Optimizer variables among the restored ones.
    pub fn optimizer_variables(&self, target: &Artifact) -> usize {
        let is_optimizer =
            |path: &str| target.variables.get(path).is_some_and(|of| of.role == Role::Optimizer);
        self.restored.iter().filter(|(path, _)| is_optimizer(path)).count()
    }

    fn problems(&self) -> String {
        let mut problems = Vec::new();
        if let Some(first) = self.mismatched.first() {
            let (target, expected, found) = (&first.target, &first.expected, &first.found);
            problems.push(format!("`{target}` needs {expected}, the source holds {found}"));
        }
        if let Some(first) = self.missing.first() {
            problems.push(format!("the source has no `{first}`"));
        }
        let more = self.mismatched.len() + self.missing.len() - problems.len();
        if more > 0 {
            problems.push(format!("and {more} more"));
        }
        problems.join("; ")
    }
}

impl fmt::Display for TransferReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} variables restored", self.restored.len())?;
        for one in &self.mismatched {
            writeln!(f, "  left: {} needs {}, {} holds {}", one.target, one.expected, one.source, one.found)?;
        }
        for path in &self.missing {
            writeln!(f, "  left: {path} is not in the source")?;
        }
        for path in &self.unused {
            writeln!(f, "  not used: {path}")?;
        }
        Ok(())
    }
}
