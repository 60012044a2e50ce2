//! The build's shortening of the script changes nothing that the script does. The browser tests run the whole result.

#[path = "../build/shorten.rs"]
mod shorten;

use shorten::shorten;

#[test]
fn blanks_go_and_texts_stay() {
    for (script, short) in [
        ("const  x = 1;\nx += 2;\n", "const x=1;x+=2;"),
        ("a = b + +c - -d;", "a=b+ +c- -d;"),
        ("a = b / 2 / c;", "a=b/2/c;"),
        ("a = 'b  +  \\'c';", "a='b  +  \\'c';"),
        ("a = `b  ${c + `${ d }  e`}  f`;", "a=`b  ${c+`${d}  e`}  f`;"),
        ("a = `${{ b: 1 }.b}  c`;", "a=`${{b:1}.b}  c`;"),
        ("a.replace(/[/ ']  \\/ /g, '')", "a.replace(/[/ ']  \\/ /g,'')"),
        ("if (a) return /b  c/.test(d)", "if(a)return/b  c/.test(d)"),
        // A line may end a statement, but not within brackets.
        ("a()\nb()\n", "a()\nb()"),
        ("a(\n  b,\n  c,\n)\n", "a(b,c,)"),
        ("if (a) {\n  b()\n}\nc()", "if(a){b()}\nc()"),
    ] {
        assert_eq!(shorten(script).as_deref(), Ok(short), "{script}");
    }
}

#[test]
fn what_is_declared_gets_a_short_name_if_it_can_be_no_property() {
    for (script, short) in [
        (
            "const long = 1;use(long, other.long2);",
            "const a=1;use(a,other.long2);",
        ),
        (
            "function longer(x) { return longer(x); }",
            "function a(x){return a(x);}",
        ),
        (
            "let long = 1;use(`${long}`, ...long);",
            "let a=1;use(`${a}`,...a);",
        ),
        // The short name must not be taken.
        ("const long = 1;use(a, long);", "const b=1;use(a,b);"),
        // Where a property may stand, the name stays.
        ("const kept = 1;use({ kept });", "const kept=1;use({kept});"),
        (
            "const kept = 1;use({ b, kept: 2 });",
            "const kept=1;use({b,kept:2});",
        ),
        ("const kept = 1;use(b.kept);", "const kept=1;use(b.kept);"),
        (
            "const kept = ({ data, kept }) => kept;",
            "const kept=({data,kept})=>kept;",
        ),
        (
            "const kept = 1;const { kept = 2 } = b;",
            "const kept=1;const{kept=2}=b;",
        ),
        // A list is no object, and a condition's colon makes no property.
        ("const long = 1;use([b, long, c]);", "const a=1;use([b,a,c]);"),
        ("const long = 1;use(b ? long : c);", "const a=1;use(b?a:c);"),
    ] {
        assert_eq!(shorten(script).as_deref(), Ok(short), "{script}");
    }
}

#[test]
fn what_has_no_end_is_an_error() {
    for script in ["a = 'b", "a = `b${c", "a = /b", "a = /[b/"] {
        assert!(shorten(script).is_err(), "{script}");
    }
    assert!(shorten("a = b < /c/.d").is_err(), "it would end the element");
}
