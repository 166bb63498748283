//! Strings that drive a terminal: escape sequences in their seven and eight bit forms, and lone control characters.

/// What follows `ESC [`.
const CSI: &[&str] = &[
    "2J",
    "3J",
    "H",
    "1;1H",
    "999;999H",
    "10A",
    "10B",
    "10D",
    "K",
    "1K",
    "2K",
    "8m",
    "31;1m",
    "0m",
    "38;5;0;48;5;0m",
    "?25l",
    "?47h",
    "?1049h",
    "?1049l",
    "?1000h",
    "?1002h",
    "?1003h",
    "?1006h",
    "?2004l",
    "?2004h",
    "?2026h",
    "?5h",
    "?7l",
    "4h",
    "20h",
    "r",
    "1;2r",
    "s",
    "u",
    ">4;2m",
    "=1u",
    ">1u",
    "!p",
    "5i",
    "4i",
    "22;2t",
    "23;2t",
    "8;1;1t",
    "1t",
    "3;0;0t",
    "100X",
    "100P",
    "100@",
    "100L",
    "100M",
    "100S",
    "100T",
    "100b",
];

/// What follows `ESC [` and makes the terminal answer as if somebody typed.
const QUERIES: &[&str] = &[
    "c",
    ">c",
    "=c",
    "5n",
    "6n",
    "?6n",
    "?15n",
    "x",
    "18t",
    "20t",
    "21t",
    ">0q",
    "?2026$p",
    "?u",
    "1$r",
    "0;1;1;1*y",
];

/// What follows `ESC ]`, up to its end.
const OSC: &[&str] = &[
    "0;title taken",
    "1;icon taken",
    "2;title taken",
    "4;0;?",
    "7;file://evil.example/",
    "8;;https://evil.example/",
    "8;id=1;file:///etc/passwd",
    "9;notification",
    "9;4;1;50",
    "10;?",
    "11;?",
    "12;#ff0000",
    "22;wait",
    "50;?",
    "52;c;Y3VybCBldmlsLmV4YW1wbGUK",
    "52;c;?",
    "52;p;!",
    "104",
    "110",
    "133;A",
    "133;C",
    "633;E;rm -rf /",
    "777;notify;a;b",
    "1337;File=inline=1:AAAA",
    "1337;CopyToClipboard=",
    "1337;SetUserVar=a=Yg==",
    "5522;type=read",
    "66;s=7;big",
    "3;WM_NAME=x",
    "60",
    "L;x",
    "l;x",
];

/// Strings for other interpreters: introducer and body.
const STRINGS: &[(&str, &str)] = &[
    ("P", "$qm"),
    ("P", "+q544e"),
    ("P", "+p544e=41"),
    ("P", "q#0;2;0;0;0~-"),
    ("P", "1$tx"),
    ("P", "=1s"),
    ("P", "tmux;\u{1b}\u{1b}]52;c;ZXZpbA==\u{7}"),
    ("P", "tmux;\u{1b}\u{1b}[6n"),
    ("P", "\u{1b}]0;through screen\u{7}"),
    ("_", "Ga=T,f=100;AAAA"),
    ("_", "Ga=q,i=1;AAAA"),
    ("_", "application command"),
    ("^", "privacy message"),
    ("X", "start of string"),
    ("k", "screen title"),
];

/// Two and three character sequences after ESC.
const SHORT: &[&str] = &[
    "c", "7", "8", "D", "E", "M", "N", "O", "Z", "=", ">", "l", "n", "|", "#8", "#3", "(0", ")B", "%G", "%@",
    " F",
];

pub(super) fn escapes() -> Vec<String> {
    let mut texts = Vec::new();
    for body in CSI.iter().chain(QUERIES) {
        texts.push(format!("Ana\u{1b}[{body}Ruiz"));
        texts.push(format!("Ana\u{9b}{body}Ruiz"));
    }
    for body in OSC {
        texts.push(format!("Ana\u{1b}]{body}\u{7}link\u{1b}]8;;\u{7}"));
        texts.push(format!("Ana\u{1b}]{body}\u{1b}\\"));
        texts.push(format!("Ana\u{9d}{body}\u{9c}"));
        texts.push(format!("never ended \u{1b}]{body}"));
    }
    for (introducer, body) in STRINGS {
        texts.push(format!("\u{1b}{introducer}{body}\u{1b}\\tail"));
        texts.push(format!("never ended \u{1b}{introducer}{body}"));
    }
    for (introducer, body) in
        [('\u{90}', "$qm"), ('\u{98}', "sos"), ('\u{9e}', "pm"), ('\u{9f}', "Ga=T;AAAA")]
    {
        texts.push(format!("{introducer}{body}\u{9c}tail"));
    }
    texts.extend(SHORT.iter().map(|body| format!("Ana\u{1b}{body}Ruiz")));
    texts.extend(
        ["\u{1b}", "\u{1b}\u{1b}[A", "\u{1b}[", "a\u{1b}\n[2J", "\u{1b}\u{200b}[2J", "\u{1b}[31\u{0}m"]
            .map(str::to_owned),
    );
    texts
}

pub(super) fn controls() -> Vec<String> {
    let c0 = ('\u{0}'..='\u{1f}').filter(|c| !matches!(c, '\t' | '\n'));
    c0.chain('\u{7f}'..='\u{9f}')
        .map(|c| format!("Ana{c}Ruiz"))
        .chain(
            ["pay 10\rpay 99", "secret\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}", "\u{e}lqqk\u{f}", "a\r\r\nb"]
                .map(str::to_owned),
        )
        .collect()
}
