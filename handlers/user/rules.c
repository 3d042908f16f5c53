#include "handlers/user/rules.h"

#include <string.h>
#include <strings.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/buf.h"
#include "fcgi/base/text.h"
#include "fcgi/i18n.h"
#include "handlers/common/permission.h"

#define WORDS_MAX 64
#define WORD_BYTES_MAX 60

static bool listed(const char *const *list, size_t n, const char *s) {
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(list[i], s) == 0)
            return true;
    return false;
}
#define LISTED(list, s) listed((list), sizeof(list) / sizeof *(list), (s))

/* ---- handles */

static const char *const reserved[] = {
    "about",      "abuse",         "account",    "accounts",  "admin",      "administrator", "administrators",
    "admins",     "all",           "anonymous",  "api",       "app",        "assets",        "audit",
    "auth",       "avatar",        "banner",     "billing",   "block",      "blocks",        "bookmarks",
    "bot",        "bots",          "channel",    "chat",      "compose",    "confirm",       "contact",
    "css",        "deeplink",      "deleted",    "directory", "domain",     "download",      "email",
    "everyone",   "explore",       "faq",        "favicon",   "feed",       "feedback",      "followers",
    "following",  "fragment",      "ghost",      "group",     "groups",     "guest",         "health",
    "help",       "here",          "home",       "host",      "hostmaster", "https",         "icon",
    "img",        "index",         "info",       "instance",  "invite",     "invites",       "jobs",
    "js",         "legal",         "likes",      "livez",     "local",      "login",         "logout",
    "mail",       "mailer_daemon", "me",         "media",     "member",     "members",       "messages",
    "metrics",    "mod",           "moderation", "moderator", "moderators", "mods",          "mutes",
    "network",    "new",           "news",       "nobody",    "noreply",    "notifications", "null",
    "oauth",      "official",      "operator",   "owner",     "password",   "postmaster",    "posts",
    "press",      "privacy",       "profile",    "public",    "readyz",     "register",      "reset",
    "robots",     "role",          "roles",      "root",      "rules",      "search",        "security",
    "self",       "service",       "session",    "sessions",  "settings",   "signin",        "signup",
    "site",       "staff",         "static",     "status",    "stream",     "streaming",     "support",
    "sysadmin",   "sysop",         "system",     "tag",       "tags",       "team",          "terms",
    "test_admin", "timeline",      "undefined",  "upload",    "user",       "users",         "verify",
    "webmaster",  "well_known",    "www",        "you",
};

bool rules_handle_reserved(const char *handle) { return LISTED(reserved, handle); }

const char *rules_handle_problem(const char *handle) {
    if (text_is_empty(handle))
        return tr_mark("Choose a handle: the short name that others find you by.");
    if (!text_is_handle(handle))
        return tr_mark("Use 1 to 30 letters (a to z), digits and underscores, and begin with a letter.");
    if (rules_handle_reserved(handle))
        return tr_mark("This handle is kept for the site itself. Choose another.");
    return NULL;
}

/* ---- passwords */

/* What lists of leaked passwords begin with, as far as it is long enough to be accepted otherwise (≥ 8).
 * Lower case. */
static const char *const common[] = {
    "12345678",       "123456789",        "1234567890",    "12345678910",
    "0123456789",     "0987654321",       "9876543210",    "987654321",
    "87654321",       "1122334455",       "1212121212",    "123123123",
    "123123123123",   "1234512345",       "123456123456",  "1234567891",
    "12341234",       "123454321",        "147258369",     "1q2w3e4r",
    "1q2w3e4r5t",     "1q2w3e4r5t6y",     "1qaz2wsx",      "1qaz2wsx3edc",
    "1qazxsw2",       "a123456789",       "a1234567890",   "aa123456789",
    "abc123456",      "abc1234567",       "abc123456789",  "abcd1234",
    "abcd12345",      "abcde12345",       "abcdefgh",      "abcdefghij",
    "abcdefghijk",    "adgjmptw",         "administrator", "admin12345",
    "admin123456",    "alexander",        "alexander1",    "asdasdasd",
    "asdf1234",       "asdfasdf",         "asdfghjk",      "asdfghjkl",
    "asdfghjkl1",     "asdfghjkl;",       "baseball",      "baseball1",
    "basketball",     "basketball1",      "beautiful1",    "blink182blink",
    "butterfly1",     "changeme",         "changeme1",     "changeme12",
    "changeme123",    "charlie123",       "chocolate1",    "christmas1",
    "computer",       "computer1",        "computer12",    "computer123",
    "corvette",       "deeplink",         "deeplink123",   "deeplink1234",
    "default123",     "dragon1234",       "elizabeth1",    "facebook",
    "facebook1",      "facebook123",      "football",      "football1",
    "football12",     "football123",      "forever123",    "fuckyou123",
    "google123",      "hallo12345",       "hello12345",    "helloworld",
    "helloworld1",    "iloveyou",         "iloveyou1",     "iloveyou12",
    "iloveyou123",    "iloveyou2",        "internet",      "jennifer",
    "jordan2323",     "letmein123",       "letmein1234",   "liverpool",
    "liverpool1",     "liverpool123",     "login12345",    "lovelove12",
    "loveyou123",     "manchester",       "manchester1",   "master1234",
    "maverick1",      "michael123",       "michelle1",     "minecraft1",
    "monkey1234",     "motdepasse",       "mustang123",    "mypassword",
    "mypassword1",    "newpassword",      "newpassword1",  "nothing123",
    "p@$$w0rd",       "p@ssw0rd",         "p@ssw0rd1",     "p@ssw0rd12",
    "p@ssw0rd123",    "p@ssword",         "p@ssword1",     "p@ssword123",
    "pa$$word",       "pass123456",       "pass1234",      "pass12345",
    "passpass",       "passpass12",       "passw0rd",      "passw0rd1",
    "passw0rd12",     "passw0rd123",      "passwort",      "passwort1",
    "passwort12",     "passwort123",      "password",      "password!",
    "password1",      "password1!",       "password12",    "password12!",
    "password123",    "password123!",     "password1234",  "password12345",
    "password123456", "password2",        "password2024",  "password2025",
    "password2026",   "passwordpassword", "pokemon123",    "princess",
    "princess1",      "princess12",       "princess123",   "q1w2e3r4",
    "q1w2e3r4t5",     "q1w2e3r4t5y6",     "qazwsxedc",     "qazwsxedcrfv",
    "qwe123456",      "qweasdzxc",        "qweasdzxc123",  "qweqweqwe",
    "qwer1234",       "qwer12345",        "qwert12345",    "qwertyui",
    "qwertyuiop",     "qwertyuiop1",      "qwertyuiop[]",  "qwertyuiop123",
    "qwerty123",      "qwerty1234",       "qwerty12345",   "qwerty123456",
    "qwertz12345",    "qwertzuiop",       "samsung123",    "schatz1234",
    "secret1234",     "secret12345",      "sonnenschein",  "spiderman1",
    "starwars",       "starwars1",        "starwars123",   "sunshine",
    "sunshine1",      "sunshine12",       "sunshine123",   "superman",
    "superman1",      "superman12",       "superman123",   "test123456",
    "test1234",       "test12345",        "testtest",      "testtest12",
    "trustno1",       "trustno1!",        "trustno123",    "unknown123",
    "victoria1",      "welcome1",         "welcome12",     "welcome123",
    "welcome1234",    "whatever",         "whatever1",     "william123",
    "x123456789",     "zaq12wsx",         "zaq12wsxcde3",  "zxcvbnm123",
    "zxcvbnm,./",     "zxcvbnmasd",       "1111111111",    "correcthorsebatterystaple",
};

/* "aaaaaaaaaa", "abcdefghij", "9876543210": each letter follows from the one before it in the same way. */
static bool is_run(const char *s) {
    size_t n = strlen(s);
    int step;

    if (n < 3)
        return false;
    step = s[1] - s[0];
    if (step < -1 || step > 1)
        return false;
    for (size_t i = 2; i < n; i++)
        if (s[i] - s[i - 1] != step)
            return false;
    return true;
}

/* The address, or its part before the @. */
static bool is_own(struct arena *a, const char *password, const char *handle, const char *email) {
    const char *at = strchr(email, '@');

    if (!text_is_empty(handle) && strcasecmp(password, handle) == 0)
        return true;
    if (text_is_empty(email))
        return false;
    return strcasecmp(password, email) == 0 ||
           (at != NULL && strcasecmp(password, arena_strndup(a, email, (size_t)(at - email))) == 0);
}

const char *rules_password_problem(struct arena *a, const char *password, const char *handle,
                                   const char *email, int min, int lang) {
    size_t n = strlen(password);

    if (n > RULES_PASSWORD_MAX)
        return tr_mark("This password is too long. Use at most 1,000 bytes.");
    if (!text_utf8_valid(password, n))
        return tr_mark("This password holds something that is no text. Choose another.");
    if (text_utf8_count(password, n) < (size_t)(min > 0 ? min : 0))
        return tr_fill(a, lang, "Use at least {min} characters. Several words make a good password.", "min",
                       arena_printf(a, "%d", min), NULL);
    if (is_own(a, password, handle, email))
        return tr_mark("This is your handle or e-mail address, which everybody tries first. Choose another.");
    if (LISTED(common, password) || is_run(password))
        return tr_mark("This is one of the passwords that everybody tries first. Choose another.");
    return NULL;
}

/* ---- devices */

struct mark {
    const char *in, *name; /* what stands in the header, and what it means; the first that fits counts */
};

static const struct mark programs[] = {
    {"Edg/", "Edge"},
    {"EdgA/", "Edge"},
    {"EdgiOS/", "Edge"},
    {"OPR/", "Opera"},
    {"Vivaldi/", "Vivaldi"},
    {"SamsungBrowser/", "Samsung Internet"},
    {"YaBrowser/", "Yandex Browser"},
    {"FxiOS/", "Firefox"},
    {"Firefox/", "Firefox"},
    {"CriOS/", "Chrome"},
    {"Chromium/", "Chromium"},
    {"HeadlessChrome/", "Chrome"},
    {"Chrome/", "Chrome"},
    {"Safari/", "Safari"},
    {"curl/", "curl"},
    {"Wget/", "Wget"},
    {"python-", "Python"},
    {"Python/", "Python"},
    {"okhttp/", "App"},
    {"Dart/", "App"},
    {"Lynx/", "Lynx"},
    {"w3m/", "w3m"},
    {"Links ", "Links"},
};
static const struct mark systems[] = {
    {"iPhone", "iPhone"},   {"iPad", "iPad"},      {"Android", "Android"}, {"Windows", "Windows"},
    {"CrOS", "ChromeOS"},   {"Mac OS X", "macOS"}, {"Macintosh", "macOS"}, {"FreeBSD", "FreeBSD"},
    {"OpenBSD", "OpenBSD"}, {"Linux", "Linux"},    {"X11", "Unix"},
};

static const char *find_mark(const struct mark *marks, size_t n, const char *s) {
    for (size_t i = 0; i < n; i++)
        if (strstr(s, marks[i].in) != NULL)
            return marks[i].name;
    return NULL;
}

const char *rules_device(struct arena *a, const char *user_agent) {
    const char *s = user_agent != NULL ? user_agent : "";
    const char *program = find_mark(programs, sizeof programs / sizeof *programs, s);
    const char *system = find_mark(systems, sizeof systems / sizeof *systems, s);

    if (program != NULL && system != NULL)
        return arena_printf(a, "%s on %s", program, system);
    return program != NULL ? program : system != NULL ? system : tr_mark("Unknown device");
}

bool rules_device_is_phone(const char *device) {
    return strstr(device, "iPhone") != NULL || strstr(device, "iPad") != NULL ||
           strstr(device, "Android") != NULL;
}

/* ---- words */

/* Whether the code point at s belongs to a word of folded text: ASCII letters and digits, and all beyond
 * ASCII but for the punctuation of U+2000 to U+206F and U+3000 to U+303F. */
static bool in_word(const char *s) {
    unsigned char c = (unsigned char)s[0];

    if (c < 0x80)
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
    return strncmp(s, "\xE2\x80", 2) != 0 && strncmp(s, "\xE2\x81", 2) != 0 && strncmp(s, "\xE3\x80", 2) != 0;
}

/* The length of the word at s; 0 when none begins there. Never cuts a code point. */
static size_t word_len(const char *s) {
    size_t n = 0, step;

    while (s[n] != '\0' && in_word(s + n)) {
        if (text_space_len(s + n, strlen(s + n)) > 0)
            break;
        step = text_utf8_step(s + n, strlen(s + n));
        if (n + step > WORD_BYTES_MAX)
            break;
        n += step;
    }
    return n;
}

static bool known_word(const char *const *words, size_t n, const char *w) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(words[i], w) == 0)
            return true;
    return false;
}

size_t rules_words(struct arena *a, const char *text, const char ***ret_words) {
    const char **words = arena_many(a, const char *, WORDS_MAX);
    const char *s = text_fold(a, text);
    size_t n = 0, len;

    *ret_words = words;
    for (; s != NULL && *s != '\0' && n < WORDS_MAX; s += len) {
        len = word_len(s);
        if (len > 0) {
            const char *w = arena_strndup(a, s, len);

            if (!known_word(words, n, w))
                words[n++] = w;
        } else if ((len = text_space_len(s, strlen(s))) == 0) {
            len = text_utf8_step(s, strlen(s));
        }
        if (len == 0)
            break; /* no text */
    }
    return n;
}

const char *rules_tsquery(struct arena *a, const char *query) {
    const char **words;
    size_t n = rules_words(a, query, &words);
    struct buf out;

    buf_init(&out, a, 64 * WORDS_MAX + WORDS_MAX * WORD_BYTES_MAX);
    for (size_t i = 0; i < n; i++)
        buf_printf(&out, "%s'%s':*", i > 0 ? " & " : "",
                   words[i]); /* words hold neither quotes nor backslashes */
    return n > 0 ? buf_str(&out) : NULL;
}

/* ---- roles */

const struct rules_permission rules_permissions[RULES_PERMISSIONS] = {
    {PERMISSION_POST, "post", tr_mark("Take part"), tr_mark("Write posts and comments, like and repost.")},
    {PERMISSION_INVITE, "invite", tr_mark("Invite people"), tr_mark("Make links by which others join.")},
    {PERMISSION_MEMBERS, "members", tr_mark("Look after members"),
     tr_mark("See all members with their e-mail addresses; approve and suspend those of a lower rank.")},
    {PERMISSION_ROLES, "roles", tr_mark("Give roles"),
     tr_mark("Give roles of a lower rank, and make and change them.")},
    {PERMISSION_MODERATE, "moderate", tr_mark("Moderate"), tr_mark("Delete anybody's posts and comments.")},
    {PERMISSION_AUDIT, "audit", tr_mark("Read the audit log"),
     tr_mark("See what was done with privileges, and by whom.")},
    {PERMISSION_SETTINGS, "settings", tr_mark("Change the site"),
     tr_mark("Change settings, and see and end everybody's invite links.")},
};

bool rules_is_role_name(const char *name) {
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_");

    return n >= 1 && n <= 30 && name[n] == '\0' && name[0] >= 'a' && name[0] <= 'z';
}
