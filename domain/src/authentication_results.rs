//! Parses the header `Authentication-Results` (RFC 8601), in which a mail server states what it found out about a mail.

/// One header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticationResults {
    authserv_id: String,
    checks: Vec<Check>,
}

/// The result of one method: `dkim=pass header.d=example.com`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Check {
    method: String,
    result: String,
    /// Names such as `header.d`, with their values.
    properties: Vec<(String, String)>,
}

/// A piece of a header without its comments.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// A run of characters and quoted strings, without the quotes.
    Word(String),
    Equals,
    Semicolon,
}

impl AuthenticationResults {
    /// Parses the value of a header. `None` if it names no server: "authserv-id" comes first and is not optional.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let tokens = tokens(value);
        let mut clauses = tokens.split(|token| *token == Token::Semicolon);
        // "authserv-id [ CFWS authres-version ]"
        let authserv_id = match clauses.next()? {
            [Token::Word(id)] | [Token::Word(id), Token::Word(_)] => id.clone(),
            _ => return None,
        };
        Some(Self { authserv_id, checks: clauses.filter_map(Check::parse).collect() })
    }

    /// Whether the server with this authserv-id has written the header.
    #[must_use]
    pub fn is_by(&self, authserv_id: &str) -> bool {
        self.authserv_id.eq_ignore_ascii_case(authserv_id)
    }

    /// Whether the server found that the sender's `domain` has authorised the mail: DMARC passes; or DKIM or SPF passes for an
    /// aligned domain, and DMARC does not fail.
    #[must_use]
    pub fn authenticates(&self, domain: &str) -> bool {
        let fails = self.checks.iter().any(|check| check.method == "dmarc" && check.result == "fail");
        !fails && self.checks.iter().any(|check| check.result == "pass" && check.is_about(domain))
    }
}

impl Check {
    /// Parses `method[/version]=result [reason=text] [type.property=value]…`. The clause `none` is no check.
    fn parse(clause: &[Token]) -> Option<Self> {
        let [Token::Word(method), Token::Equals, Token::Word(result), properties @ ..] = clause else { return None };
        let method = method.split('/').next().unwrap_or_default().to_ascii_lowercase();
        Some(Self { method, result: result.to_ascii_lowercase(), properties: pairs(properties) })
    }

    /// Whether the check is about the address that the reader of the mail sees.
    fn is_about(&self, domain: &str) -> bool {
        match self.method.as_str() {
            // "header.from": the domain of the header From.
            "dmarc" => self.domain("header.from").is_none_or(|from| from.eq_ignore_ascii_case(domain)),
            // "header.d" is the signing domain; "header.i" lies in it.
            "dkim" => {
                let signer = self.domain("header.d").or_else(|| self.domain("header.i"));
                signer.is_some_and(|signer| is_aligned(signer, domain))
            }
            // Not "smtp.helo": the sender of the mail chooses that name.
            "spf" => self.domain("smtp.mailfrom").is_some_and(|from| is_aligned(from, domain)),
            _ => false,
        }
    }

    /// The domain in a property's value: "[ [ local-part ] "@" ] domain-name". `None` if the property is missing or is there
    /// twice, because one of them may come from the sender.
    fn domain(&self, property: &str) -> Option<&str> {
        let mut values = self.properties.iter().filter(|(name, _)| name == property);
        let (_, value) = values.next().filter(|_| values.next().is_none())?;
        value.rsplit('@').next().filter(|domain| !domain.is_empty())
    }
}

/// Whether two domains are equal or one lies in the other, as in DMARC's relaxed mode. A domain of one label lies in none and
/// contains none.
fn is_aligned(one: &str, other: &str) -> bool {
    let (one, other) = (one.to_ascii_lowercase(), other.to_ascii_lowercase());
    let contains = |outer: &str, inner: &str| {
        outer.contains('.') && inner.strip_suffix(outer).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    contains(&one, &other) || contains(&other, &one)
}

/// The pairs of name and value. A value is no name of another pair: it may come from the sender of the mail.
fn pairs(mut tokens: &[Token]) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    while let Some((_, after)) = tokens.split_first() {
        tokens = match tokens {
            [Token::Word(name), Token::Equals, Token::Word(value), rest @ ..] => {
                pairs.push((name.to_ascii_lowercase(), value.clone()));
                rest
            }
            _ => after,
        };
    }
    pairs
}

fn tokens(value: &str) -> Vec<Token> {
    let (mut tokens, mut word) = (Vec::new(), None::<String>);
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => read_quoted(&mut characters, word.get_or_insert_default()),
            '(' | '=' | ';' => {
                tokens.extend(word.take().map(Token::Word));
                match character {
                    '(' => skip_comment(&mut characters),
                    '=' => tokens.push(Token::Equals),
                    _ => tokens.push(Token::Semicolon),
                }
            }
            character if character.is_whitespace() => tokens.extend(word.take().map(Token::Word)),
            character => word.get_or_insert_default().push(character),
        }
    }
    tokens.extend(word.map(Token::Word));
    tokens
}

/// Appends the rest of a quoted string.
fn read_quoted(characters: &mut impl Iterator<Item = char>, word: &mut String) {
    while let Some(character) = characters.next() {
        match character {
            '"' => return,
            '\\' => word.extend(characters.next()),
            character => word.push(character),
        }
    }
}

/// Skips the rest of a comment, in which comments may nest.
fn skip_comment(characters: &mut impl Iterator<Item = char>) {
    let mut depth = 1;
    while let Some(character) = characters.next() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            '\\' => drop(characters.next()),
            _ => {}
        }
        if depth == 0 {
            return;
        }
    }
}
