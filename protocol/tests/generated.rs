//! The code of the wire form is what its description gives.
//!
//! In: the files below `proto`. Out: agreement with the code that is committed, or, with `KATYDID_REGENERATE=1` in the
//! environment, that code written anew. No `protoc` is needed, and no build script.

use std::error::Error;
use std::path::Path;

/// A description, the file of what it describes, and where that belongs.
const FLEET: [&str; 3] = [
    "katydid/v1/fleet.proto",
    "katydid.v1.rs",
    "src/wire/generated/katydid_v1.rs",
];
const SCALER: [&str; 3] = [
    "keda/externalscaler.proto",
    "externalscaler.rs",
    "src/scaler/generated/externalscaler.rs",
];
const COMMAND: &str = "KATYDID_REGENERATE=1 cargo test -p katydid-protocol --test generated";

#[test]
fn the_generated_code_is_up_to_date() -> Result<(), Box<dyn Error>> {
    is_up_to_date(FLEET)?;
    is_up_to_date(SCALER)
}

fn is_up_to_date([proto, written, generated]: [&str; 3]) -> Result<(), Box<dyn Error>> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let expected = generate(&package.join("proto"), proto, written)?;
    let target = package.join(generated);
    if std::env::var_os("KATYDID_REGENERATE").is_some() {
        return Ok(std::fs::write(&target, &expected)?);
    }
    let found = std::fs::read_to_string(&target).unwrap_or_default();
    assert!(
        found == expected,
        "{generated} is not what proto/{proto} gives; run `{COMMAND}` to regenerate it"
    );
    Ok(())
}

fn generate(protos: &Path, proto: &str, written: &str) -> Result<String, Box<dyn Error>> {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("generated");
    std::fs::create_dir_all(&out)?;
    let description = protox::compile([proto], [protos])?;
    tonic_prost_build::configure()
        .build_transport(false)
        .emit_rerun_if_changed(false)
        .btree_map(".")
        .bytes(".katydid.v1.AssetChunk.data")
        .bytes(".katydid.v1.SequencedDelta.delta")
        .out_dir(&out)
        .compile_fds(description)?;
    let code = std::fs::read_to_string(out.join(written))?;
    Ok(format!(
        "//! Messages, client and server of `proto/{proto}`. Generated: change that file, then run\n\
         //! `{COMMAND}`.\n\n{code}"
    ))
}
