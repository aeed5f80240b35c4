use object_store::memory::InMemory;

use super::*;
use crate::config::Secret;

fn settings(prefix: &str) -> S3 {
    S3 { bucket: Some("files".into()), prefix: prefix.into(), ..Config::default().files_s3 }
}

fn bucket(prefix: &str) -> (Arc<InMemory>, Bucket) {
    let store = Arc::new(InMemory::new());
    (Arc::clone(&store), Bucket::over(store, &settings(prefix)))
}

async fn names(store: &InMemory) -> Vec<String> {
    let objects: Vec<_> = store.list(None).collect().await;
    let mut names: Vec<String> = objects.into_iter().map(|object| object.unwrap().location.to_string()).collect();
    names.sort();
    names
}

/// What is dropped works in the background.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

async fn content(mut reading: Reading) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(piece) = reading.next().await? {
        all.extend_from_slice(&piece);
    }
    Ok(all)
}

#[tokio::test]
async fn what_is_written_is_read() {
    let (store, bucket) = bucket("a/b");
    for size in [0, 5, PART - 1, PART, 2 * PART + 7] {
        let bytes: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
        let mut unfinished = bucket.begin("f".into());
        for piece in bytes.chunks(1 << 20) {
            unfinished.write(Bytes::copy_from_slice(piece)).await.unwrap();
        }
        assert_eq!(names(&store).await, Vec::<String>::new(), "nothing is there before it is whole");
        assert_eq!(unfinished.finish().await.unwrap().keep(), "f");
        assert_eq!(names(&store).await, ["a/b/f"]);
        let whole = bucket.read("f", 0..size as u64).await.unwrap();
        assert!(content(whole).await.unwrap() == bytes, "{size} bytes come back");
        if size > 4 {
            let part = bucket.read("f", 2..4).await.unwrap();
            assert_eq!(content(part).await.unwrap(), [2, 3]);
            // The row says that there is more of it than there is.
            let cut = bucket.read("f", 0..size as u64 + 1).await.unwrap();
            assert_eq!(content(cut).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        }
        bucket.delete("f").await.unwrap();
    }
    assert_eq!(bucket.read("f", 0..1).await.err().unwrap().kind(), io::ErrorKind::NotFound);
    assert_eq!(bucket.read("f", 0..0).await.err().unwrap().kind(), io::ErrorKind::NotFound);
}

#[tokio::test]
async fn what_nobody_wants_goes() {
    let (store, bucket) = bucket("");
    let mut small = bucket.begin("small".into());
    small.write(Bytes::from_static(b"x")).await.unwrap();
    let mut large = bucket.begin("large".into());
    large.write(Bytes::from(vec![0; 3 * PART])).await.unwrap();
    drop((small, large));
    settle().await;
    assert_eq!(names(&store).await, Vec::<String>::new());
    let mut refused = bucket.begin("refused".into());
    refused.write(Bytes::from_static(b"x")).await.unwrap();
    let refused = refused.finish().await.unwrap();
    assert_eq!(names(&store).await, ["refused"]);
    drop(refused);
    settle().await;
    assert_eq!(names(&store).await, Vec::<String>::new());
}

#[tokio::test]
async fn only_its_own_are_listed() {
    let (store, bucket) = bucket("mine");
    for name in ["mine/a", "mine/deeper/b", "minecraft", "other/c"] {
        store.put(&Path::from(name), "x".into()).await.unwrap();
    }
    assert_eq!(bucket.written_before(i64::MAX).await.unwrap(), ["a"]);
    assert_eq!(bucket.written_before(0).await.unwrap(), Vec::<String>::new());
    bucket.check().await.unwrap();
}

#[test]
fn a_wrong_setting_is_named() {
    let refused = |files_s3: S3| {
        let mut config = Config::default();
        config.files_s3 = files_s3;
        let failure = Bucket::new(&config).err().expect("is refused");
        assert!(!failure.text.contains("hush"), "{}", failure.text);
        failure.text
    };
    let none = Config::default().files_s3;
    let secret = || Some(Secret("hush".into()));
    assert!(Bucket::new(&Config::default()).unwrap().is_none());
    assert_eq!(
        refused(S3 { endpoint: Some("https://s3.example".into()), ..none.clone() }),
        "files_s3_endpoint: Means nothing without files_s3_bucket"
    );
    assert_eq!(
        refused(S3 { secret_key: secret(), ..none }),
        "files_s3_secret_key: Means nothing without files_s3_bucket"
    );
    let some = settings("");
    assert_eq!(
        refused(S3 { access_key: Some("k".into()), ..some.clone() }),
        "files_s3_secret_key: Is missing, or empty"
    );
    assert_eq!(refused(S3 { secret_key: secret(), ..some.clone() }), "files_s3_access_key: Is missing");
    let file = || Some("/nowhere/secret".into());
    assert_eq!(
        refused(S3 { secret_key: secret(), secret_key_file: file(), ..some.clone() }),
        "files_s3_secret_key_file: There is a files_s3_secret_key already"
    );
    assert!(
        refused(S3 { access_key: Some("k".into()), secret_key_file: file(), ..some.clone() })
            .starts_with("files_s3_secret_key_file: /nowhere/secret: ")
    );
    let mut config = Config::default();
    (config.files_s3, config.test_mode) = (some, true);
    assert!(Bucket::new(&config).err().unwrap().text.starts_with("files_s3_bucket: Not in test mode"));
}

#[test]
fn a_refusal_of_the_service_is_explained() {
    let (_, bucket) = bucket("");
    for (said, explained) in [
        ("404: <Error><Code>NoSuchBucket</Code></Error>", "files_s3_bucket: There is no bucket files"),
        ("<Code>InvalidAccessKeyId</Code>", "files_s3_access_key: The service does not know it"),
        ("<Code>SignatureDoesNotMatch</Code>", "files_s3_secret_key: It is not that of files_s3_access_key"),
        ("<Code>AccessDenied</Code>", "files_s3_access_key: It may not list the bucket files"),
        ("<Code>AuthorizationHeaderMalformed</Code>", "files_s3_region: The bucket files is not in us-east-1"),
        ("an incorrectly configured region", "files_s3_region: The bucket files is not in us-east-1"),
        ("<Code>SlowDown</Code>", "files_s3_bucket: The service refuses the bucket files: SlowDown"),
        ("refused\nmore", "files_s3_endpoint: the service of the region cannot be asked: refused"),
    ] {
        assert_eq!(bucket.explain(said).text, explained);
    }
}
