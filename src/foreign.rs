//! Weights as others keep them: files of other formats, and names with more in front.

use std::collections::BTreeMap;
use std::path::Path;

/// What wrappers of models put before every name: data parallelism, compilation, training frameworks.
const WRAPPERS: [&str; 3] = ["module.", "_orig_mod.", "model."];

/// Tensors without what wrappers put before all of their names, and that.
pub fn unwrapped<T>(mut tensors: BTreeMap<String, T>) -> (BTreeMap<String, T>, String) {
    let mut all = String::new();
    while let Some(wrapper) = wrapper_of(tensors.keys()) {
        all.push_str(wrapper);
        let short = |(name, tensor): (String, T)| (name[wrapper.len()..].to_string(), tensor);
        tensors = tensors.into_iter().map(short).collect();
    }
    (tensors, all)
}

/// The wrapper that put something before all of the names, where there are any.
fn wrapper_of<'a>(mut names: impl Iterator<Item = &'a String> + Clone) -> Option<&'static str> {
    let is_first = |wrapper: &&str| names.clone().all(|name| name.starts_with(wrapper));
    let wrapper = WRAPPERS.into_iter().find(is_first);
    names.next().and(wrapper)
}

/// What a file is that is no safetensors file, and what to do, where its first bytes betray it.
pub fn betrayed(bytes: &[u8], path: &Path) -> Option<String> {
    let name = path.display();
    let holds = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    let begins = |text: &str| {
        let start = &bytes[..bytes.len().min(text.len())];
        start.eq_ignore_ascii_case(text.as_bytes())
    };
    let by_torch = format!(
        "convert it: python -c \"import sys, torch; from safetensors.torch import save_file; \
         save_file(torch.load(sys.argv[1], map_location='cpu', weights_only=True), \
         sys.argv[1] + '.safetensors')\" {name}"
    );
    // The names of an archive's members stand before and behind them.
    let is_archive = begins("PK\x03\x04");
    let problem = match bytes {
        _ if is_archive && holds(b"data.pkl") => {
            format!("a checkpoint of PyTorch, no safetensors file; {by_torch}")
        }
        _ if is_archive && holds(b".npy") => format!(
            "an archive of numpy arrays, no safetensors file; convert it: python -c \"import sys, numpy; \
             from safetensors.numpy import save_file; save_file(dict(numpy.load(sys.argv[1])), \
             sys.argv[1] + '.safetensors')\" {name}"
        ),
        _ if is_archive => "a zip archive, no safetensors file; unpack it".to_string(),
        // A header of a few hundred bytes begins alike, but for the zeros of its length.
        [0x80, 2..=5, 1..=255, ..] => {
            format!("a pickle, as PyTorch writes it, no safetensors file; {by_torch}")
        }
        _ if begins("version https://git-lfs") => {
            "a pointer of Git LFS, not the file itself; fetch it: git lfs pull".to_string()
        }
        _ if begins("<!doctype") || begins("<html") => {
            "a web page, no safetensors file; take the address of the file itself".to_string()
        }
        _ => return None,
    };
    Some(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrappers_are_taken_off_where_all_names_have_them() {
        let tensors = |names: &[&str]| -> BTreeMap<String, ()> {
            names.iter().map(|name| (name.to_string(), ())).collect()
        };
        for (given, expected, wrapper) in [
            (&["module.a", "module.b.c"][..], &["a", "b.c"][..], "module."),
            (&["module._orig_mod.a", "module._orig_mod.b"], &["a", "b"], "module._orig_mod."),
            (&["b", "module.a"], &["b", "module.a"], ""),
            (&["modules.a"], &["modules.a"], ""),
            (&[], &[], ""),
        ] {
            let (found, said) = unwrapped(tensors(given));
            assert_eq!(found.keys().collect::<Vec<_>>(), expected);
            assert_eq!(said, wrapper);
        }
    }

    #[test]
    fn files_of_other_formats_are_called_what_they_are() {
        let archive = |member: &str| format!("PK\x03\x04....{member}....").into_bytes();
        for (bytes, word) in [
            (archive("model/data.pkl"), "PyTorch"),
            (archive("arr_0.npy"), "numpy"),
            (archive("readme.txt"), "zip"),
            (vec![0x80, 2, b'}'], "pickle"),
            (b"version https://git-lfs.github.com/spec/v1".to_vec(), "git lfs pull"),
            (b"<!DOCTYPE html><html>".to_vec(), "web page"),
            (b"<HTML>".to_vec(), "web page"),
        ] {
            let said = betrayed(&bytes, Path::new("w")).unwrap();
            assert!(said.contains(word), "{said}");
        }
        for other in [&b""[..], b"P", b"\x80\x02\0\0\0\0\0\0{}", b"anything"] {
            assert_eq!(betrayed(other, Path::new("w")), None);
        }
    }
}
