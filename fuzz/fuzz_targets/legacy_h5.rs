//! The reader of the format `h5`, whatever the content looks like.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let input = kerata_formats::Input::bytes("model", bytes.to_vec());
    let limits = kerata_core::Limits::default();
    let format = kerata_formats::by_name("h5").expect("the format is in the list");
    if let Ok(artifact) = format.read(&input, &limits) {
        for (_, variable) in artifact.variables.iter() {
            let _ = variable.data.stream(&mut |_| Ok(()));
        }
    }
});
