//! The words, each list in alphabetical order.
//!
//! Short, friendly, and at least two letters apart from any other word of the same list, so that a phrase survives being read
//! out over the telephone. A word's place in its list is its number: never move one.

/// What the animals are like.
#[rustfmt::skip]
pub static ADJECTIVES: [&str; 128] = [
    "able", "agile", "airy", "alert", "amber", "ample", "apt", "arch", "bold", "brave", "breezy", "brief",
    "bright", "brisk", "bubbly", "busy", "calm", "candid", "careful", "charming", "cheery", "chilly",
    "chirpy", "civil", "classy", "clean", "clever", "cosmic", "cozy", "crafty", "crisp", "curious", "curly",
    "cute", "dainty", "dapper", "daring", "deft", "dizzy", "dreamy", "eager", "early", "earnest", "easy",
    "elegant", "fair", "fancy", "fearless", "fine", "fluffy", "fond", "frank", "free", "fresh", "friendly",
    "frisky", "frosty", "funny", "fuzzy", "gentle", "giddy", "glad", "gleeful", "golden", "good", "grand",
    "grateful", "great", "groovy", "handy", "happy", "hasty", "hearty", "helpful", "honest", "humble",
    "hungry", "icy", "jolly", "jovial", "joyful", "keen", "kind", "large", "late", "lively", "lofty", "loyal",
    "mellow", "merry", "mighty", "mild", "modest", "mossy", "neat", "nimble", "noble", "patient", "peachy",
    "perky", "playful", "plucky", "polite", "proud", "quick", "quiet", "ready", "rosy", "round", "sad",
    "shiny", "shy", "silly", "sleepy", "smart", "snug", "solid", "sturdy", "swift", "tiny", "upbeat", "vivid",
    "warm", "wise", "witty", "young", "zany", "zesty",
];

/// Who they are, more than one of them.
#[rustfmt::skip]
pub static ANIMALS: [&str; 128] = [
    "ants", "apes", "auks", "badgers", "bears", "beavers", "bees", "beetles", "bison", "bobcats", "bunnies",
    "camels", "cats", "cheetahs", "chicks", "chimps", "clams", "cobras", "condors", "cows", "coyotes",
    "crabs", "cranes", "crickets", "cuckoos", "deer", "dingoes", "dogs", "dolphins", "doves", "ducks",
    "eagles", "eels", "egrets", "elephants", "elks", "emus", "falcons", "ferrets", "finches", "foxes",
    "frogs", "geckos", "geese", "gerbils", "gibbons", "giraffes", "goats", "gorillas", "grouse", "gulls",
    "hamsters", "hares", "hawks", "hedgehogs", "hens", "herons", "hippos", "hornets", "horses", "hyenas",
    "ibexes", "iguanas", "jackals", "jaguars", "kiwis", "koalas", "lambs", "larks", "lemurs", "leopards",
    "lions", "lizards", "llamas", "lobsters", "lynxes", "macaws", "magpies", "mice", "minks", "moles",
    "monkeys", "moose", "moths", "newts", "ocelots", "orcas", "otters", "owls", "oxen", "oysters", "pandas",
    "parrots", "penguins", "pigeons", "ponies", "puffins", "pumas", "quails", "rabbits", "ravens", "rhinos",
    "robins", "salmon", "seals", "sheep", "shrimps", "sloths", "snails", "sparrows", "spiders", "squid",
    "storks", "swans", "tigers", "toads", "toucans", "trout", "turkeys", "turtles", "walruses", "wasps",
    "weasels", "whales", "wolves", "wombats", "yaks", "zebras",
];

/// What they do.
#[rustfmt::skip]
pub static VERBS: [&str; 128] = [
    "act", "aim", "amble", "applaud", "argue", "arrive", "bake", "balance", "bathe", "beam", "blink", "bloom",
    "blush", "bow", "build", "camp", "carve", "celebrate", "chat", "cheer", "chew", "chuckle", "clap",
    "climb", "coast", "cook", "cuddle", "dance", "dash", "dive", "doodle", "doze", "draw", "dream", "drift",
    "drum", "eat", "explore", "fish", "float", "flutter", "fly", "gallop", "gargle", "gather", "gaze", "grin",
    "grow", "hide", "hop", "hover", "hum", "hunt", "hurry", "jog", "joke", "juggle", "jump", "knit", "laugh",
    "leap", "learn", "linger", "listen", "march", "meander", "mingle", "mumble", "munch", "nap", "nibble",
    "nod", "paddle", "paint", "pause", "play", "ponder", "pounce", "prance", "purr", "race", "read", "relax",
    "rest", "roam", "roll", "run", "sail", "sing", "skate", "skip", "sleep", "slide", "smile", "snack",
    "sneeze", "snore", "snuggle", "soar", "spin", "splash", "sprint", "squeak", "stare", "stroll", "surf",
    "sway", "swim", "tango", "tickle", "travel", "trot", "twirl", "vanish", "wait", "walk", "waltz", "wander",
    "wave", "whisper", "whistle", "wiggle", "wink", "wobble", "write", "yawn", "yodel", "zigzag",
];

/// How they do it.
#[rustfmt::skip]
pub static ADVERBS: [&str; 64] = [
    "always", "avidly", "blithely", "boldly", "bravely", "brightly", "briskly", "calmly", "carefully",
    "cheerfully", "cleverly", "coolly", "daily", "deeply", "drowsily", "eagerly", "easily", "elegantly",
    "fairly", "faithfully", "firmly", "fondly", "freely", "gently", "gladly", "gracefully", "happily",
    "heartily", "idly", "jointly", "jovially", "joyfully", "keenly", "kindly", "lazily", "lightly", "loudly",
    "loyally", "merrily", "neatly", "nicely", "nimbly", "often", "patiently", "playfully", "politely",
    "proudly", "quickly", "quietly", "rarely", "safely", "shyly", "silently", "slowly", "smoothly", "softly",
    "suddenly", "swiftly", "tenderly", "together", "warmly", "weekly", "wildly", "wisely",
];
