//! The machine reads dictionaries of tensors and refuses every other program, whatever it asks for.

use super::*;

/// A text's instruction.
fn text(text: &str) -> Vec<u8> {
    [b"X".as_slice(), &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat()
}

/// A storage `0` of a class of the module `torch`, with a number of elements.
fn storage(class: &str, elements: &[u8]) -> Vec<u8> {
    let class = format!("ctorch\n{class}\n");
    [b"(", text("storage").as_slice(), class.as_bytes(), &text("0"), &text("cpu"), elements, b"tQ"].concat()
}

/// A tensor of two elements up to the call that makes it.
fn tensor() -> Vec<u8> {
    let storage = storage("FloatStorage", b"K\x02");
    [b"ctorch._utils\n_rebuild_tensor_v2\n(", storage.as_slice(), b"K\x00K\x02\x85K\x01\x85\x89}t"].concat()
}

/// A program of protocol 2.
fn program(parts: &[&[u8]]) -> Vec<u8> {
    [b"\x80\x02", parts.concat().as_slice(), b"."].concat()
}

#[test]
fn a_dictionary_of_tensors_is_read() {
    let a = [text("a"), tensor(), b"R".to_vec()].concat();
    let expected = StoredTensor {
        kind: ElementType::F32,
        storage: "0".to_owned(),
        elements: 2,
        offset: 0,
        shape: vec![2],
        stride: vec![1],
    };
    let parameter = [b"ctorch._utils\n_rebuild_parameter\n", tensor().as_slice(), b"R\x88}\x87R"].concat();
    for program in [
        program(&[b"}(", &a, b"u"]),
        program(&[b"}", &a, b"s"]),
        program(&[b"}", &text("a"), &parameter, b"s"]),
        // As a state dictionary is written: ordered, with the versions of its modules as an attribute.
        program(&[
            b"ccollections\nOrderedDict\nq\x00)R(",
            &a,
            b"u}",
            &text("_metadata"),
            b"h\x00)R(",
            &text(""),
            b"}",
            &text("version"),
            b"K\x01sus",
            b"b",
        ]),
    ] {
        assert_eq!(tensors(&program).expect("tensors"), [("a".to_owned(), expected.clone())]);
    }
}

#[test]
fn numbers_have_the_widths_they_are_written_with() {
    let dims = |number: &[u8]| {
        let storage = storage("HalfStorage", number);
        let rebuild = b"ctorch._utils\n_rebuild_tensor_v2\n(";
        tensors(&program(&[b"}", &text("a"), rebuild, &storage, b"K\x00))tRs"])).map(|t| t[0].1.elements)
    };
    assert_eq!(dims(b"K\xff"), Ok(255));
    assert_eq!(dims(b"M\xff\xff"), Ok(65_535));
    assert_eq!(dims(b"J\xff\xff\xff\x7f"), Ok(i32::MAX as u64));
    assert_eq!(dims(b"\x8a\x00"), Ok(0));
    assert_eq!(dims(b"\x8a\x05\x00\x00\x00\x00\x01"), Ok(1 << 32));
    assert_eq!(dims(b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f"), Ok(i64::MAX as u64));
    for (number, message) in [
        (b"J\xff\xff\xff\xff".as_slice(), "expected a size of at least 0, found -1"),
        (b"\x8a\x01\xff", "expected a size of at least 0, found -1"),
        (b"\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01", "expected a whole number of at most 8 bytes, found 9"),
        (b"\x8a\xff", "expected a whole number of at most 8 bytes, found 255"),
        (b"N", "expected a size, found None"),
    ] {
        assert_eq!(dims(number).expect_err("a refusal").problem, message);
    }
}

#[test]
fn other_programs_are_refused() {
    let check = |program: &[u8], message: &str| {
        let problem = tensors(program).expect_err(message).problem;
        assert!(problem.contains(message), "expected {message:?}, found {problem:?}");
    };
    check(b"", "expected protocol 2");
    check(b"\x80\x04.", "expected protocol 2");
    check(b"\x80\x02", "expected more bytes, found its end");
    check(b"\x80\x02.", "expected a value on the stack, found none");
    check(b"\x80\x02}}.", "expected one value at its end, found more");
    check(b"\x80\x02}(.", "expected a value on the stack, found none");
    check(b"\x80\x02}.}", "expected nothing after its end, found 1 bytes");
    check(&program(&[b"K\x01"]), "expected a dictionary of tensors, found a whole number");
    check(&program(&[b"}", &text("a"), b"Ns"]), "expected a tensor as \"a\", found None");
    check(&program(&[b"}NNs"]), "expected a text, found None");
    // Calls of anything else.
    for call in ["cos\nsystem\n", "cposix\nsystem\n", "cbuiltins\neval\n", "ctorch\nload\n", "cnumpy\nFloatStorage\n"] {
        let called = call[1..call.len() - 1].replace('\n', ".");
        let line = text("touch /tmp/ran");
        check(
            &program(&[call.as_bytes(), &line, b"\x85R"]),
            &format!("expected tensors only, found a call of {called}"),
        );
    }
    check(b"\x80\x02i__main__\nf\n.", "instruction 0x69 is none");
    check(b"\x80\x02\x8c\x01a\x8c\x01b\x93.", "instruction 0x8c is none");
    check(&program(&[b"ccollections\nOrderedDict\n}\x85R"]), "OrderedDict with 1 arguments makes no tensor");
    check(&program(&[b"}}\x85R"]), "expected a name to call, found a dictionary");
    check(&program(&[b"ctorch\nFloatStorage\n)R"]), "with 0 arguments makes no tensor");
    // Names and texts without an end, or longer than the file.
    check(&[b"\x80\x02c".as_slice(), &[b'a'; 200], b"\n"].concat(), "expected a name of at most 100 bytes");
    check(b"\x80\x02X\xff\xff\xff\xffab", "expected a text of at most 2 bytes, found one of 4294967295");
    check(&program(&[&text(&"a".repeat(300))]), "expected a text of at most 256 bytes, found one of 300");
    check(b"\x80\x02X\x01\x00\x00\x00\xff.", "expected a text in UTF-8");
    // A stack that is not what the instructions need.
    check(&program(&[b"t"]), "expected a mark on the stack, found none");
    check(&program(&[b"K\x01(\x85"]), "expected a value on the stack, found none");
    check(&program(&[b"\x87"]), "expected a value on the stack, found none");
    check(&program(&[b"q\x00"]), "expected a value on the stack, found none");
    check(&program(&[b"h\x07"]), "expected a value remembered as 7, found none");
    check(&program(&[b"j\xff\xff\xff\xff"]), "expected a value remembered as 4294967295, found none");
    check(&program(&[b"}(Nu"]), "expected keys with values, found a key without one");
    check(&program(&[b"N(NNu"]), "expected a dictionary, found None");
    check(&program(&[b"(NNu"]), "expected a dictionary, found an empty stack");
    check(&program(&[b"NNb"]), "expected a dictionary to give attributes to, found None");
    // Storages and tensors that are none.
    check(&program(&[b"NQ"]), "expected a tuple, found None");
    check(&program(&[b")Q"]), "expected a storage's five fields");
    check(&program(&[b"(", &text("file"), b"NNNNtQ"]), "expected a storage with its type");
    check(&program(&[b"ctorch._utils\n_rebuild_tensor_v2\n(NNNNt", b"R"]), "expected a tensor's storage, found None");
    check(&program(&[b"ctorch._utils\n_rebuild_parameter\n(Nt", b"R"]), "expected a parameter's tensor, found None");
}

#[test]
fn nesting_and_repetition_cost_no_more_than_their_bytes() {
    let refused = |program: &[u8]| tensors(program).expect_err("a refusal").problem;
    // A tuple in a tuple, a million times.
    assert_eq!(refused(&program(&[b")", &vec![0x85; 1_000_000]])), "expected a dictionary of tensors, found a tuple");
    // Every tuple holds the one before it twice: 2^300,000 values for whoever copies.
    let doubled = b"q\x00h\x00\x86".repeat(200_000);
    assert_eq!(refused(&program(&[b")", &doubled])), "expected a dictionary of tensors, found a tuple");
    // A dictionary in itself.
    assert_eq!(
        refused(&program(&[b"}q\x00", &text("a"), b"h\x00s"])),
        "expected a tensor as \"a\", found a dictionary"
    );
    // One tensor under a hundred thousand names.
    let again = b"h\x00h\x01".repeat(100_000);
    let many = program(&[&text("a"), b"q\x00", &tensor(), b"Rq\x01}(", &again, b"u"]);
    assert!(refused(&many).contains("expected one value at its end"));
    let dictionary = program(&[b"}(", &text("a"), b"q\x00", &tensor(), b"Rq\x01", &again, b"u"]);
    assert_eq!(refused(&dictionary), "expected at most 10000 tensors, found 100001");
    // A shape of a million sizes.
    let (storage, ones) = (storage("FloatStorage", b"K\x02"), b"K\x01".repeat(200_000));
    assert_eq!(
        refused(&program(&[b"ctorch._utils\n_rebuild_tensor_v2\n(", &storage, b"K\x00(", &ones, b"t)tR"])),
        "expected as many sizes as strides, at most 8, found 200000 sizes and 0 strides"
    );
}
