use proptest::prelude::*;

use super::*;
use crate::base::value::Value;

fn of(params: &str) -> Result<Vec<Value>, &'static str> {
    let name = "<methodCall>\r\n <methodName>a.b</methodName>";
    decode_call(format!("{name}{params}</methodCall>\n").as_bytes()).map(|call| call.params)
}

fn one(value: &str) -> Result<Value, &'static str> {
    of(&format!("<params><param>{value}</param></params>")).map(|mut params| params.remove(0))
}

fn encoded(value: &Value) -> String {
    let mut out = Vec::new();
    encode_response(&mut out, value);
    String::from_utf8(out).unwrap()
}

/// What `xmlrpc_marshal` of 4.3.0 makes of these values, recorded.
#[test]
fn answers_are_byte_for_byte_those_of_supervisor() {
    let wrap = |inner: &str| {
        let head = "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n<value>";
        format!("{head}{inner}</value>\n</param>\n</params>\n</methodResponse>\n")
    };
    for (value, want) in [
        (true.into(), "<boolean>1</boolean>"),
        (Value::Int(-5), "<int>-5</int>"),
        (Value::Double(1.5), "<double>1.5</double>"),
        ("a<&>\"'\n\t é".into(), "<string>a&lt;&amp;&gt;\"'\n\t é</string>"),
        (Value::Array(vec![]), "<array><data>\n</data></array>"),
        (Value::Struct(vec![]), "<struct>\n</struct>"),
        (
            Value::Array(vec![1.into(), vec!["x".into()].into()]),
            "<array><data>\n<value><int>1</int></value>\n<value><array><data>\n\
             <value><string>x</string></value>\n</data></array></value>\n</data></array>",
        ),
        (
            Value::fields([("a", 1.into()), ("b<", Value::Struct(vec![]))]),
            "<struct>\n<member>\n<name>a</name>\n<value><int>1</int></value>\n</member>\n\
             <member>\n<name>b&lt;</name>\n<value><struct>\n</struct></value>\n</member>\n</struct>",
        ),
    ] {
        assert_eq!(encoded(&value), wrap(want));
    }
    let mut out = Vec::new();
    encode_fault(&mut out, 10, "BAD_NAME: x");
    let fault = "<?xml version='1.0'?>\n<methodResponse>\n<fault>\n<value><struct>\n<member>\n\
                 <name>faultCode</name>\n<value><int>10</int></value>\n</member>\n<member>\n\
                 <name>faultString</name>\n<value><string>BAD_NAME: x</string></value>\n\
                 </member>\n</struct></value>\n</fault>\n</methodResponse>\n";
    assert_eq!(String::from_utf8(out).unwrap(), fault);
    let call = "<?xml version='1.0'?>\n<methodCall>\n<methodName>m.n</methodName>\n<params>\n\
                <param>\n<value><int>1</int></value>\n</param>\n<param>\n\
                <value><string>a</string></value>\n</param>\n</params>\n</methodCall>\n";
    let params = [1.into(), "a".into()];
    assert_eq!(String::from_utf8(encode_call("m.n", &params)).unwrap(), call);
}

#[test]
fn what_xml_or_a_client_has_not_is_shown_as_well_as_can_be() {
    assert!(encoded(&Value::Int(1 << 31)).contains("<int>2147483647</int>"));
    assert!(encoded(&Value::Int(i64::MIN)).contains("<int>-2147483648</int>"));
    let text = encoded(&"\x1b[31m\0\r\n\u{fffe}\u{ffff}\u{fffd}\u{f000}".into());
    let want = "\u{fffd}[31m\u{fffd}&#13;\n\u{fffd}\u{fffd}\u{fffd}\u{f000}";
    assert!(text.contains(&format!("<string>{want}</string>")), "{text}");
    assert!(encoded(&Value::Bytes(b"\xffa".to_vec())).contains("<string>\u{fffd}a</string>"));
    let call = String::from_utf8(encode_call("m.n", &[Value::Bytes(b"\xff".to_vec())])).unwrap();
    assert!(call.contains("<base64>\n/w==\n</base64>"));
}

#[test]
fn a_value_is_read_as_supervisor_reads_it() {
    let text = |text: &str| Value::from(text);
    for (xml, want) in [
        ("<value><int> 5 </int></value>", Value::Int(5)),
        ("<value><i4>-5</i4></value>", Value::Int(-5)),
        ("<value><i8>4294967296</i8></value>", Value::Int(1 << 32)),
        ("<value><ex:i8 xmlns:ex='u'>5</ex:i8></value>", Value::Int(5)),
        ("<value><int>99999999999999999999</int></value>", Value::Int(i64::MAX)),
        ("<value><int>1<!-- c -->2</int></value>", Value::Int(12)),
        ("<value><boolean>1</boolean></value>", Value::Bool(true)),
        ("<value><boolean>true</boolean></value>", Value::Bool(false)),
        ("<value><double> 1.5e3 </double></value>", Value::Double(1500.0)),
        ("<value>  x </value>", text("  x ")),
        ("<value/>", text("")),
        ("<value><string/></value>", text("")),
        ("\n<value>\r\n<string>x\r\ny</string>\n</value >\n", text("x\ny")),
        ("<value>a&amp;b&#65;&#x20AC;<![CDATA[<x>]]>&#13;é</value>", text("a&bA€<x>\ré")),
        ("<value><!-- c --><string>&lt;&gt;&quot;&apos;</string></value>", text("<>\"'")),
        ("<value><dateTime.iso8601>20200102T03:04:05</dateTime.iso8601></value>", {
            text("20200102T03:04:05")
        }),
        ("<value><base64>\nYWJj\nZGVm\n</base64></value>", Value::Bytes(b"abcdef".to_vec())),
        ("<value><base64>/w</base64></value>", Value::Bytes(b"\xff".to_vec())),
        ("<value><nil/></value>", Value::Nil),
        ("<value><array><data/></array></value>", Value::Array(vec![])),
        (
            "<value><array> <data> <value>1</value> <value><int>2</int></value></data></array></value>",
            Value::Array(vec![text("1"), 2.into()]),
        ),
        ("<value><struct/></value>", Value::Struct(vec![])),
        (
            "<value><struct>\n<member> <name>a</name> <value>1</value> </member></struct></value>",
            Value::fields([("a", text("1"))]),
        ),
    ] {
        assert_eq!(one(xml), Ok(want), "{xml}");
    }
    assert_eq!(of(""), Ok(vec![]));
    assert_eq!(of("<params/>"), Ok(vec![]));
    assert_eq!(of("<params>\n</params>"), Ok(vec![]));
}

#[test]
fn what_is_no_call_is_refused() {
    for value in [
        "<value><int></int></value>",
        "<value><int>x</int></value>",
        "<value><double>x</double></value>",
        "<value><base64>a</base64></value>",
        "<value><array></array></value>",
        "<value><array><data><int>1</int></data></array></value>",
        "<value><struct><member><value>1</value><name>a</name></member></struct></value>",
        "<value><struct><member><name>a</name></member></struct></value>",
        "<value>x<int>5</int></value>",
        "<value><int>1</int><int>2</int></value>",
        "<value><set>1</set></value>",
        "<value>&nbsp;</value>",
        "<value>&#0;</value>",
        "<value>&#27;</value>",
        "<value>&#xFFFFFFFFF;</value>",
        "<value>a & b</value>",
        "<value>\u{1b}</value>",
        "<value></valve>",
        "<value>",
        "</value>",
        "",
    ] {
        assert!(one(value).is_err(), "{value}");
    }
    for document in [
        "",
        " ",
        "x",
        "<",
        "<methodCall>",
        "<methodCall></methodCall>",
        "<methodCall><methodName/></methodCall>",
        "<methodResponse><methodName>a.b</methodName></methodResponse>",
        "<methodCall><methodName>a.b</methodName></methodCall>x",
        "<methodCall><methodName>a.b</methodName></methodCall><methodCall/>",
        "<methodCall><methodName><b/></methodName></methodCall>",
        "<methodCall><methodName>a.b</methodName><other/></methodCall>",
        "<!DOCTYPE x><methodCall><methodName>a.b</methodName></methodCall>",
        "<!DOCTYPE x [<!ENTITY e 'e'>]><methodCall><methodName>&e;</methodName></methodCall>",
        "<?xml version='1.0' encoding='latin1'?><methodCall><methodName>é</methodName></methodCall>",
    ] {
        assert!(decode_call(document.as_bytes()).is_err(), "{document}");
    }
    assert!(decode_call(b"<methodCall><methodName>\xe9</methodName></methodCall>").is_err());
}

#[test]
fn nesting_ends_at_a_depth_and_not_with_the_stack() {
    let nested = |depth: usize| {
        let (open, close) = ("<value><array><data>", "</data></array></value>");
        one(&format!("{}{}", open.repeat(depth), close.repeat(depth)))
    };
    assert!(nested(DEPTH_MAX).is_ok());
    assert_eq!(nested(DEPTH_MAX + 1), Err("nested too deep"));
    assert!(nested(10_000).is_err());
    assert!(one(&"<a>".repeat(100_000)).is_err());
    assert!(one(&"<value>".repeat(100_000)).is_err());
}

#[test]
fn a_declaration_or_tag_full_of_attributes_costs_no_more_than_its_length() {
    let attributes: String = (0..100_000).map(|n| format!(" a{n}='' xmlns:b{n}='c'")).collect();
    let declared = format!("<?xml{attributes}?><methodCall/>");
    assert!(decode_call(declared.as_bytes()).is_err());
    assert_eq!(one(&format!("<value{attributes}>x</value>")), Ok("x".into()));
}

#[test]
fn a_call_of_any_known_client_is_read() {
    for (client, document, params) in [
        (
            "PHP xmlrpc_encode_request",
            "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n<methodCall>\n\
             <methodName>a.b</methodName>\n<params>\n <param>\n  <value>\n   \
             <string>caf&#233;</string>\n  </value>\n </param>\n <param>\n  <value>\n   \
             <int>1</int>\n  </value>\n </param>\n</params>\n</methodCall>\n",
            vec!["café".into(), 1.into()],
        ),
        (
            "CodeIgniter",
            "<?xml version=\"1.0\"?>\r\n<methodCall>\r\n<methodName>a.b</methodName>\r\n\
             <params>\r\n<param>\r\n<value>\n<string>web</string>\n</value>\n</param>\r\n\
             </params>\r\n</methodCall>",
            vec!["web".into()],
        ),
        (
            "Go kolo/xmlrpc",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><methodCall><methodName>a.b</methodName>\
             <params><param><value><string>w&#xA;</string></value></param><param><value>\
             <boolean>1</boolean></value></param></params></methodCall>",
            vec!["w\n".into(), true.into()],
        ),
        (
            "node xmlrpc",
            "<?xml version=\"1.0\"?><methodCall><methodName>a.b</methodName><params/></methodCall>",
            vec![],
        ),
        (
            "with a byte order mark",
            "\u{feff}<methodCall><methodName>a.b</methodName></methodCall>",
            vec![],
        ),
    ] {
        let call = Call { method: "a.b".to_owned(), params };
        assert_eq!(decode_call(document.as_bytes()), Ok(call), "{client}");
    }
}

#[test]
fn an_answer_is_a_value_or_a_fault() {
    let mut out = Vec::new();
    encode_fault(&mut out, 10, "BAD_NAME");
    let fault = Fault { code: 10, text: "BAD_NAME".to_owned() };
    assert_eq!(decode_response(&out), Ok(Err(fault)));
    for document in [
        "<methodResponse/>",
        "<methodResponse><params/></methodResponse>",
        "<methodResponse><fault><value>x</value></fault></methodResponse>",
        "<html><body>502 Bad Gateway</body></html>",
    ] {
        assert!(decode_response(document.as_bytes()).is_err(), "{document}");
    }
}

/// Any value that comes back the same.
fn value() -> impl Strategy<Value = Value> {
    let text = "[^\u{0}-\u{8}\u{b}\u{c}\u{e}-\u{1f}\u{fffe}\u{ffff}]{0,20}";
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::Bool),
        any::<i32>().prop_map(Value::from),
        proptest::num::f64::NORMAL.prop_map(Value::Double),
        text.prop_map(Value::Str),
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec((text.prop_map(Into::into), inner), 0..6).prop_map(Value::Struct),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_comes_back(values in prop::collection::vec(value(), 0..3)) {
        let call = decode_call(&encode_call("a.b", &values)).unwrap();
        prop_assert_eq!(&call.params, &values);
        for value in values {
            prop_assert_eq!(decode_response(encoded(&value).as_bytes()), Ok(Ok(value)));
        }
    }

    #[test]
    fn any_text_and_bytes_make_well_formed_xml(text: String, bytes: Vec<u8>) {
        for value in [Value::Str(text), Value::Bytes(bytes)] {
            prop_assert!(matches!(decode_response(encoded(&value).as_bytes()), Ok(Ok(_))));
        }
    }

    #[test]
    fn a_call_cut_anywhere_is_refused(value in value(), cut: prop::sample::Index) {
        let call = encode_call("a.b", &[value]);
        prop_assert!(decode_call(&call[..cut.index(call.len() - 1)]).is_err());
    }

    #[test]
    fn no_input_panics(
        bytes: Vec<u8>,
        soup in "(<|>|/|&|#|;|!|\\?|\\[|\\]|-|'|=|value|int|array|data|struct|CDATA|xml| |1){0,40}",
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let _ = decode_call(&bytes);
        let _ = one(&soup);
        let mut call = encode_call("a.b", &[Value::fields([("a", "b&".into())])]);
        for (at, byte) in changes {
            let at = at.index(call.len());
            call[at] = byte;
        }
        let _ = decode_call(&call);
        let _ = decode_response(&call);
    }
}
