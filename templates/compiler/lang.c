/* The languages that a translation may be in: their own names, direction and family of plural rules
 * (https://www.unicode.org/cldr/charts/latest/supplemental/language_plural_rules.html). */
#include <string.h>

#include "tplc.h"

#define EN "I18N_PLURAL_EN", 2
#define FR "I18N_PLURAL_FR", 2
#define RU "I18N_PLURAL_RU", 3
#define PL "I18N_PLURAL_PL", 3
#define CS "I18N_PLURAL_CS", 3
#define AR "I18N_PLURAL_AR", 6
#define ZH "I18N_PLURAL_ZH", 1

static const struct lang langs[] = {
    {"en", "English", "ltr", EN},      {"ar", "العربية", "rtl", AR},
    {"bg", "Български", "ltr", EN},    {"be", "Беларуская", "ltr", RU},
    {"bn", "বাংলা", "ltr", FR},        {"bs", "Bosanski", "ltr", RU},
    {"ca", "Català", "ltr", EN},       {"cs", "Čeština", "ltr", CS},
    {"da", "Dansk", "ltr", EN},        {"de", "Deutsch", "ltr", EN},
    {"el", "Ελληνικά", "ltr", EN},     {"eo", "Esperanto", "ltr", EN},
    {"es", "Español", "ltr", EN},      {"et", "Eesti", "ltr", EN},
    {"eu", "Euskara", "ltr", EN},      {"fa", "فارسی", "rtl", FR},
    {"fi", "Suomi", "ltr", EN},        {"fr", "Français", "ltr", FR},
    {"gl", "Galego", "ltr", EN},       {"he", "עברית", "rtl", EN},
    {"hi", "हिन्दी", "ltr", FR},        {"hr", "Hrvatski", "ltr", RU},
    {"hu", "Magyar", "ltr", EN},       {"id", "Bahasa Indonesia", "ltr", ZH},
    {"it", "Italiano", "ltr", EN},     {"ja", "日本語", "ltr", ZH},
    {"ko", "한국어", "ltr", ZH},       {"ms", "Bahasa Melayu", "ltr", ZH},
    {"nb", "Norsk bokmål", "ltr", EN}, {"nl", "Nederlands", "ltr", EN},
    {"pl", "Polski", "ltr", PL},       {"pt", "Português", "ltr", FR},
    {"ru", "Русский", "ltr", RU},      {"sk", "Slovenčina", "ltr", CS},
    {"sr", "Српски", "ltr", RU},       {"sv", "Svenska", "ltr", EN},
    {"th", "ไทย", "ltr", ZH},          {"tr", "Türkçe", "ltr", EN},
    {"uk", "Українська", "ltr", RU},   {"ur", "اردو", "rtl", EN},
    {"vi", "Tiếng Việt", "ltr", ZH},   {"zh", "中文", "ltr", ZH},
};

const struct lang *lang_find(const char *code) {
    size_t n = strcspn(code, "-_");
    for (size_t i = 0; i < sizeof(langs) / sizeof(langs[0]); i++)
        if (strlen(langs[i].code) == n && memcmp(langs[i].code, code, n) == 0)
            return &langs[i];
    return NULL;
}
