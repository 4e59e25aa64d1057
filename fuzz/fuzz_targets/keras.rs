//! A `.keras` file, or whatever detection takes it for.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let input = kerata_formats::Input::bytes("model.keras", bytes.to_vec());
    let limits = kerata_core::Limits::default();
    if let Ok(artifact) = kerata_formats::detect(&input).and_then(|format| format.read(&input, &limits)) {
        for (_, variable) in artifact.variables.iter() {
            let _ = variable.data.stream(&mut |_| Ok(()));
        }
    }
});
