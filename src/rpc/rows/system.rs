//! The methods about methods.

use super::multicall::Multicall;
use super::needed;
use crate::rpc::table::{Kind, Method, Outcome, Param, method, methods};
use crate::rpc::waiting::Waiting;
use crate::rpc::{Code, Value};

const METHOD: Param = needed("name", Kind::Str);

pub static ROWS: [Method; 4] = [
    Method {
        name: "system.listMethods",
        params: &[],
        result: Kind::Array,
        help: "The names of all methods, sorted.",
        run: |ctx, _| {
            let offered = methods().filter(|row| row.is_offered(ctx));
            let names = offered.map(|row| row.name).filter(|name| !name.starts_with("svx."));
            let mut names: Vec<&str> = names.collect();
            names.sort_unstable();
            Ok(Value::texts(names).into())
        },
    },
    Method {
        name: "system.methodHelp",
        params: &[METHOD],
        result: Kind::Str,
        help: "What a method does.",
        run: |_, args| match method(args.text(0)) {
            Some(row) => Ok(row.help.into()),
            None => Err(Code::SignatureUnsupported.bare()),
        },
    },
    Method {
        name: "system.methodSignature",
        params: &[METHOD],
        result: Kind::Array,
        help: "The types of a method: of its result, then of each parameter.",
        run: |_, args| {
            let row = method(args.text(0)).ok_or_else(|| Code::SignatureUnsupported.bare())?;
            let params = row.params.iter().map(|param| param.kind.word());
            Ok(Value::texts([row.result.word()].into_iter().chain(params)).into())
        },
    },
    Method {
        name: "system.multicall",
        params: &[needed("calls", Kind::Array)],
        result: Kind::Array,
        help: "Makes several calls, structs of methodName and params, one after the other. \
               Answers the result of each, or a struct of faultCode and faultString.",
        run: |ctx, args| {
            let mut calls = Multicall::new(args.items(0));
            // Many are done at once; then nobody need wait for the turn to end.
            Ok(match calls.poll(ctx) {
                Some(results) => results.into(),
                None => Outcome::Wait(Waiting::Multicall(Box::new(calls))),
            })
        },
    },
];
