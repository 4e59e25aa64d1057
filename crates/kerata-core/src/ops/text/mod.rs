//! Strings.

mod strings;

use crate::ops::room;

room! {
    as_string => AsString { as_string };
    change_case => StringCase { string_lower, string_upper };
    cross_hash => CrossHash { cross_hash };
    hash => StringHash { string_hash };
    join_text => StringJoin { string_join };
    length => StringLength { string_length };
    lookup => Lookup { lookup };
    ngrams => StringNgrams { string_ngrams };
    regex_replace => RegexReplace { regex_replace };
    split_text => StringSplit { string_split };
    to_number => ToNumber { to_number };
}

pub use split_text::SplitAt;
