//! Normalizes column names that people typed.

/// `name` in lower case, without accents, spaces and punctuation: "Bót module-name" becomes "botmodulename".
pub fn normalize(name: &str) -> String {
    name.chars().flat_map(char::to_lowercase).map(without_accent).filter(|letter| letter.is_alphanumeric()).collect()
}

/// The base letter of an accented Latin letter; any other letter unchanged.
fn without_accent(letter: char) -> char {
    match letter {
        'à'..='å' | 'ā' | 'ă' | 'ą' => 'a',
        'ç' | 'ć'..='č' => 'c',
        'ď' | 'đ' => 'd',
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => 'e',
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => 'g',
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => 'i',
        'ł' | 'ľ' => 'l',
        'ñ' | 'ń' | 'ň' => 'n',
        'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' => 'o',
        'ŕ' | 'ř' => 'r',
        'ś' | 'ş' | 'š' => 's',
        'ţ' | 'ť' => 't',
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' => 'u',
        'ý' | 'ÿ' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        // Combining accents, which follow their letter.
        '\u{300}'..='\u{36f}' => '-',
        other => other,
    }
}
