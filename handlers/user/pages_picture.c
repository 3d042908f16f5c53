/* Settings: picture and banner. Files go to /media, which sets what has come. */
#include <string.h>

#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/common/forms.h"
#include "handlers/common/pictures.h"
#include "handlers/user/asks.h"
#include "handlers/user/pages.h"

enum code user_page_settings_picture(struct request *req) { return pictures_page(req, NULL); }

enum code user_page_settings_picture_again(struct request *req) {
    return pictures_page(req, field_text(req, "kind"));
}

/* Which medium it is that is shown; NOT_FOUND: none. */
static enum code ask_shown(struct request *req, bool is_banner, int64_t *ret) {
    const Pb__Account *account;
    enum code c = user_ask_account(&req->ctx, &account);

    if (c != OK)
        return c;
    *ret = is_banner ? account->banner_media_id : account->avatar_media_id;
    return *ret != 0 ? OK
                     : fail_field(&req->ctx, "words",
                                  tr_mark("There is no picture that these words could describe."));
}

/* New words, or none of it any more. */
enum code user_page_settings_picture_send(struct request *req) {
    Pb__SetPictureRequest ask = PB__SET_PICTURE_REQUEST__INIT;
    enum code c;

    ask.user_id = req->ctx.viewer_id;
    ask.kind = field_text(req, "kind");
    ask.words = field_text(req, "words");
    if (!field_bool(req, "remove") &&
        (c = ask_shown(req, strcmp(ask.kind, "banner") == 0, &ask.media_id)) != OK)
        return form_refused(req) ? user_page_settings_picture_again(req) : c;
    if ((c = user_set_picture(&req->ctx, &ask, NULL)) != OK)
        return form_refused(req) ? user_page_settings_picture_again(req) : c;
    return form_go_back(req, PICTURES_PATH, field_bool(req, "remove") ? "picture-gone" : "saved");
}
