//! Downloads against a server on this machine: broken transfers, resumption, wrong content.

use fernn::Error;
use fernn::data::kth::{Annotation, KthFile};
use fernn::data::{Action, FILES, IdxFile, KTH_FILES, Mirrors, fetch};
use fernn::digest::sha256_hex;
use std::io::{BufRead, BufReader, Cursor, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the server does with the requests for one file, one after the other.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// Serves the content, from the range's start if there is one.
    Sound,
    /// Announces everything and closes after this many bytes.
    CutAfter(usize),
    /// Serves other bytes.
    Wrong,
    /// Announces everything, sends this many bytes and then nothing more, without closing.
    SilentAfter(usize),
    /// Announces everything and sends a byte now and then.
    Trickling,
    /// Announces no length and never ends.
    Endless,
    /// Announces so many bytes and sends nothing.
    Promising(u64),
}

/// The requests seen: (path, start of the range).
type Log = Arc<Mutex<Vec<(String, Option<usize>)>>>;

struct Server {
    address: String,
    log: Log,
}

/// Serves `content` for every path, following `answers` in turn (the last one for ever).
fn serve(content: Vec<u8>, answers: Vec<Answer>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let log = Log::default();
    let seen = log.clone();
    std::thread::spawn(move || {
        // Bounded: no test makes more requests than this.
        for (i, stream) in listener.incoming().take(32).enumerate() {
            let answer = answers[i.min(answers.len() - 1)];
            respond(stream.unwrap(), &content, answer, &seen);
        }
    });
    Server { address, log }
}

fn respond(mut stream: TcpStream, content: &[u8], answer: Answer, log: &Log) {
    let (mut path, mut start) = (String::new(), None);
    for line in BufReader::new(stream.try_clone().unwrap()).lines() {
        let line = line.unwrap().to_lowercase();
        if let Some(rest) = line.strip_prefix("get ") {
            path = rest.split(' ').next().unwrap().to_string();
        }
        if let Some(range) = line.strip_prefix("range: bytes=") {
            start = range.trim_end_matches('-').parse().ok();
        }
        if line.is_empty() {
            break;
        }
    }
    log.lock().unwrap().push((path, start));
    let wrong = vec![7u8; content.len()];
    let from = start.unwrap_or(0).min(content.len());
    let body = if matches!(answer, Answer::Wrong) { &wrong[from..] } else { &content[from..] };
    if let Answer::Endless = answer {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        while stream.write_all(&[7; 1 << 16]).is_ok() {}
        return;
    }
    let status = if start.is_some() { "206 Partial Content" } else { "200 OK" };
    let (length, sent) = match answer {
        Answer::CutAfter(bytes) | Answer::SilentAfter(bytes) => {
            (body.len() as u64, &body[..bytes.min(body.len())])
        }
        Answer::Promising(bytes) => (bytes, &body[..0]),
        _ => (body.len() as u64, body),
    };
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    if let Answer::Trickling = answer {
        let mut bytes = head.bytes().chain(sent.iter().copied());
        while bytes.next().is_some_and(|byte| stream.write_all(&[byte]).is_ok()) {
            std::thread::sleep(Duration::from_millis(2));
        }
        return;
    }
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(sent));
    if let Answer::SilentAfter(_) = answer {
        let _ = stream.read(&mut [0]); // until the other side closes
    }
}

fn mirrors(server: &Server) -> Mirrors {
    Mirrors::of(vec![server.address.clone()])
}

/// Bytes that are not MNIST: no digest can match, so a download never succeeds with them.
fn foreign() -> Vec<u8> {
    (0..5000u32).map(|i| (i % 253) as u8).collect()
}

#[test]
fn a_broken_transfer_is_kept_and_continued_where_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let name = format!("{}.gz", FILES[0].name);
    let server = serve(foreign(), vec![Answer::CutAfter(1234), Answer::Sound]);
    let error = fetch(&FILES, folder.path(), &mirrors(&server), &|_, _, _| ()).unwrap_err();
    assert!(matches!(&error, Error::Download { attempts, .. } if attempts.len() == 1), "{error}");
    assert!(error.to_string().contains("broke off"), "{error}");
    let part = folder.path().join(format!("{name}.part"));
    assert_eq!(std::fs::read(&part).unwrap(), foreign()[..1234]);
    assert!(!folder.path().join(&name).exists());

    let error = fetch(&FILES, folder.path(), &mirrors(&server), &|_, _, _| ()).unwrap_err();
    let log = server.log.lock().unwrap();
    assert_eq!(log[1], (format!("/{name}"), Some(1234)), "asked for the rest only");
    // The whole arrived, but it is not the published content.
    assert!(error.to_string().contains("SHA-256"), "{error}");
    assert!(!part.exists(), "a wrong file is not kept as a beginning");
    assert!(!folder.path().join(&name).exists());
}

#[test]
fn a_silent_server_is_given_up_and_what_it_sent_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(foreign(), vec![Answer::SilentAfter(1234)]);
    let mirrors = Mirrors { patience: Duration::from_millis(300), ..mirrors(&server) };
    let error = fetch(&FILES, folder.path(), &mirrors, &|_, _, _| ()).unwrap_err().to_string();
    assert!(error.contains("broke off after 1234 bytes") && error.contains("timeout"), "{error}");
    let part = folder.path().join(format!("{}.gz.part", FILES[0].name));
    assert_eq!(std::fs::read(&part).unwrap(), foreign()[..1234]);
    // One that sends too little to be silent.
    let trickling = serve(foreign(), vec![Answer::Trickling]);
    let slow = Mirrors { addresses: vec![trickling.address], slowest: u64::MAX, ..mirrors.clone() };
    let other = tempfile::tempdir().unwrap();
    let error = fetch(&FILES, other.path(), &slow, &|_, _, _| ()).unwrap_err().to_string();
    assert!(error.contains("timeout"), "{error}");
    // One that does not even answer.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let addresses = vec![format!("http://{}", silent.local_addr().unwrap())];
    let mirrors = Mirrors { addresses, ..mirrors };
    let error = fetch(&FILES, folder.path(), &mirrors, &|_, _, _| ()).unwrap_err().to_string();
    assert!(error.contains("timeout"), "{error}");
    assert_eq!(std::fs::read(&part).unwrap(), foreign()[..1234], "it is still there");
    // And nobody at all.
    drop(silent);
    fetch(&FILES, folder.path(), &mirrors, &|_, _, _| ()).unwrap_err();
    assert_eq!(std::fs::read(&part).unwrap(), foreign()[..1234]);
}

#[test]
fn what_lies_under_a_files_name_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(foreign(), vec![Answer::Sound]);
    for name in [format!("{}.gz", FILES[0].name), FILES[0].name.to_string()] {
        let path = folder.path().join(&name);
        std::fs::write(&path, "of another data set").unwrap();
        let error = fetch(&FILES, folder.path(), &mirrors(&server), &|_, _, _| ()).unwrap_err();
        assert!(error.to_string().contains(&name), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"of another data set");
        std::fs::remove_file(path).unwrap();
    }
    assert!(server.log.lock().unwrap().is_empty(), "nothing is asked for");
}

#[test]
fn no_more_is_taken_than_the_file_can_have() {
    for answer in [Answer::Endless, Answer::Promising(1 << 40)] {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(foreign(), vec![answer]);
        let most = Mutex::new(0);
        let progress = |_: &str, so_far, _| *most.lock().unwrap() = so_far;
        let error = fetch(&FILES, folder.path(), &mirrors(&server), &progress).unwrap_err();
        assert!(error.to_string().contains("sends another file"), "{answer:?}: {error}");
        assert!(*most.lock().unwrap() <= 64 << 20, "{answer:?}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
    }
}

#[test]
fn content_with_a_wrong_digest_is_never_put_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(foreign(), vec![Answer::Wrong]);
    let error = fetch(&FILES, folder.path(), &mirrors(&server), &|_, _, _| ()).unwrap_err();
    match error {
        Error::Download { file, attempts } => {
            assert_eq!(file, format!("{}.gz", FILES[0].name));
            assert!(attempts[0].contains(FILES[0].sha256), "{attempts:?}");
        }
        other => panic!("expected a download error, got {other}"),
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn every_mirror_is_tried_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(foreign(), vec![Answer::Sound]);
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap()) // closed again: nobody listens
    };
    let mirrors = Mirrors::of(vec![nobody.clone(), server.address.clone()]);
    match fetch(&FILES, folder.path(), &mirrors, &|_, _, _| ()).unwrap_err() {
        Error::Download { attempts, .. } => {
            assert_eq!(attempts.len(), 2);
            assert!(attempts[0].starts_with(&nobody) && attempts[1].starts_with(&server.address));
        }
        other => panic!("expected a download error, got {other}"),
    }
}

#[test]
fn a_continued_download_with_the_right_digest_is_put_in_place_and_then_kept() {
    let folder = tempfile::tempdir().unwrap();
    let sha256: &'static str = sha256_hex(foreign()).leak();
    let file = IdxFile { name: "some-file", count: 1, sha256 };
    let server = serve(foreign(), vec![Answer::CutAfter(4000), Answer::Sound]);
    let fetch = || fetch(&[file], folder.path(), &mirrors(&server), &|_, _, _| ());
    fetch().unwrap_err();
    let path = fetch().unwrap().remove(0);
    assert_eq!(path, folder.path().join("some-file.gz"));
    assert_eq!(std::fs::read(&path).unwrap(), foreign());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no part is left");
    fetch().unwrap();
    let log = server.log.lock().unwrap();
    let starts: Vec<Option<usize>> = log.iter().map(|(_, start)| *start).collect();
    assert_eq!(starts, [None, Some(4000)], "a file that is there is not asked for again");
}

/// A zip with videos of walking by so many persons, and something else.
fn zip_of(persons: u8) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    zip.start_file("person01_boxing_d1_uncomp.avi", options).unwrap();
    for person in 1..=persons {
        zip.start_file(format!("person{person:02}_walking_d1_uncomp.avi"), options).unwrap();
        zip.write_all(&vec![person; 700]).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

const WALKING: KthFile = KthFile::Videos { action: Action::Walking, count: 3 };

#[test]
fn a_zip_of_videos_is_continued_and_put_in_place_when_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(zip_of(3), vec![Answer::CutAfter(900), Answer::Sound]);
    let fetch = || fetch(&[WALKING], folder.path(), &mirrors(&server), &|_, _, _| ());
    fetch().unwrap_err();
    assert!(!folder.path().join("walking.zip").exists());
    assert_eq!(fetch().unwrap(), [folder.path().join("walking.zip")]);
    fetch().unwrap();
    let log = server.log.lock().unwrap();
    let expected = [None, Some(900)].map(|start| ("/walking.zip".to_string(), start));
    assert_eq!(*log, expected, "a zip that is there and sound is not asked for again");
    assert_eq!(std::fs::read(folder.path().join("walking.zip")).unwrap(), zip_of(3));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no part is left");
}

#[test]
fn zips_that_are_damaged_or_lack_videos_are_never_put_in_place() {
    let mut flipped = zip_of(3);
    // Inside the content of the last video, which is stored as it is.
    let place = flipped.iter().rposition(|&byte| byte == 3).unwrap();
    let inside = flipped[..place].windows(8).rposition(|bytes| bytes == [3; 8]).unwrap();
    flipped[inside] ^= 1;
    for (content, needle) in [
        (flipped, "no sound zip"),
        (zip_of(2), "2 videos of walking instead of 3"),
        (zip_of(4), "4 videos of walking instead of 3"),
        (b"<html>not found</html>".to_vec(), "no sound zip"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(content, vec![Answer::Sound]);
        let error = fetch(&[WALKING], folder.path(), &mirrors(&server), &|_, _, _| ()).unwrap_err();
        assert!(error.to_string().contains(needle), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
    }
}

#[test]
fn the_annotation_is_fetched_first_and_known_by_its_digest() {
    let compressed = include_bytes!("../src/data/kth/00sequences.txt.gz");
    let mut content = Vec::new();
    flate2::read::GzDecoder::new(&compressed[..]).read_to_end(&mut content).unwrap();
    assert_eq!(sha256_hex(&content), Annotation::PUBLISHED_SHA256);
    let folder = tempfile::tempdir().unwrap();
    let server = serve(content.clone(), vec![Answer::Sound]);
    let path = folder.path().display().to_string();
    // The server gives the annotation as a zip too, which is refused.
    let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_fernn"))
        .args(["data", "fetch", "kth", "--data-dir", &path, "--mirror", &server.address])
        .assert()
        .code(2)
        .get_output()
        .clone();
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("could not download walking.zip"), "{message}");
    assert_eq!(std::fs::read(folder.path().join("00sequences.txt")).unwrap(), content);
    let other = tempfile::tempdir().unwrap();
    let server = serve(content, vec![Answer::Wrong]);
    let error = fetch(&KTH_FILES, other.path(), &mirrors(&server), &|_, _, _| ()).unwrap_err();
    assert!(error.to_string().contains(Annotation::PUBLISHED_SHA256), "{error}");
}
