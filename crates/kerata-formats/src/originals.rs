//! Files that go back as they were but for some places: shared by the formats that keep what they have read.

use kerata_core::{Artifact, Data, Result, Sink, Variable};

/// The keys under which changed variables are stored, and the variables.
pub(crate) fn changes<'a>(
    artifact: &'a Artifact,
    changed: &[&str],
    more: impl Fn(&str) -> Vec<String>,
) -> Vec<(String, &'a Variable)> {
    let mut found = Vec::new();
    for path in changed {
        let Some(variable) = artifact.variables.get(path) else { continue };
        found.push((variable.origin.clone().unwrap_or_else(|| (*path).to_owned()), variable));
        found.extend(more(path).into_iter().map(|key| (key, variable)));
    }
    found
}

/// Writes a file with new contents at some places, which are in order.
pub(crate) fn write(data: &Data, places: &[(u64, Data)], sink: &mut dyn Sink) -> Result<()> {
    let mut position = 0;
    let (mut places, mut replaced) = (places.iter().peekable(), 0u64);
    data.stream(&mut |mut part| {
        while !part.is_empty() {
            // What lies under a place that was written is passed over.
            let step = match (replaced, places.peek()) {
                (0, None) => part.len(),
                (0, Some((offset, new))) if *offset <= position => {
                    new.stream(&mut |part| sink.write(part))?;
                    replaced = new.len();
                    places.next();
                    continue;
                }
                (0, Some((offset, _))) => {
                    usize::try_from(offset - position).map_or(part.len(), |n| n.min(part.len()))
                }
                (left, _) => usize::try_from(left).map_or(part.len(), |left| left.min(part.len())),
            };
            let (now, rest) = part.split_at(step);
            if replaced == 0 {
                sink.write(now)?;
            } else {
                replaced -= step as u64;
            }
            position += step as u64;
            part = rest;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_replaced_and_the_rest_stays() {
        let old = Data::owned((0..10u8).collect::<Vec<u8>>());
        let places =
            [(0, Data::owned(vec![90])), (4, Data::owned(vec![91, 92, 93])), (9, Data::owned(vec![94]))];
        let mut out: Vec<u8> = Vec::new();
        write(&old, &places, &mut out).unwrap();
        assert_eq!(out, [90, 1, 2, 3, 91, 92, 93, 7, 8, 94]);
        out.clear();
        write(&old, &[], &mut out).unwrap();
        assert_eq!(out, (0..10u8).collect::<Vec<_>>());
    }
}
