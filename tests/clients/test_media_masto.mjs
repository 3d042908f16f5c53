// masto.js, unmodified: pictures are uploaded, described, posted, edited, and become faces.
// harness: set rate_limits = no
import { createRestAPIClient, MastoHttpError } from 'masto';
import { BASE, check, equal, finish, member, part, token } from '../http/lib.mjs';
import { png } from '../http/lib_media.mjs';

async function enter(handle) {
    await member(handle);
    return createRestAPIClient({ url: BASE, accessToken: await token(handle) });
}

const picture = (...colour) => new Blob([png(60, 40, colour)], { type: 'image/png' });

async function refuses(name, status, fn) {
    try {
        await fn();
        check(name, false, 'nothing was thrown');
    } catch (e) {
        check(name, e instanceof MastoHttpError && e.statusCode === status, `${e}`);
    }
}

const ada = await enter('ada'), bob = await enter('bob');
let post;

await part('posting', async () => {
    const first = await ada.v2.media.create({ file: picture(255, 0, 0), description: 'A red field', focus: '0.5,-0.25' });
    equal('a picture', [first.type, first.description, first.meta.focus], ['image', 'A red field', { x: 0.5, y: -0.25 }]);
    equal('its size', [first.meta.original.width, first.meta.original.height], [60, 40]);
    const more = [];
    for (const colour of [[0, 0, 0], [255, 255, 255], [0, 0, 255]])
        more.push(await ada.v2.media.create({ file: picture(...colour) }));
    const ids = [first, ...more].map((m) => m.id);
    post = await ada.v1.statuses.create({ status: '', mediaIds: ids });
    equal('four in order', post.mediaAttachments.map((m) => m.id), ids);
    equal('another reader sees them', (await bob.v1.statuses.$select(post.id).fetch()).mediaAttachments.map((m) => m.id), ids);
    equal('listed', (await bob.v1.accounts.$select(post.account.id).statuses.list({ onlyMedia: true })).map((s) => s.id), [post.id]);
});

await part('editing', async () => {
    const [first, second] = post.mediaAttachments;
    const changed = await ada.v1.statuses.$select(post.id).update({ status: 'Two are left', mediaIds: [second.id, first.id],
        mediaAttributes: [{ id: second.id, description: 'All black', focus: '0,1' }] });
    equal('fewer, in another order', changed.mediaAttachments.map((m) => m.id), [second.id, first.id]);
    equal('described', [changed.mediaAttachments[0].description, changed.mediaAttachments[0].meta.focus], ['All black', { x: 0, y: 1 }]);
    equal('history', (await ada.v1.statuses.$select(post.id).history.list()).map((e) => e.mediaAttachments.length), [4, 2]);
    equal('none is left', (await ada.v1.statuses.$select(post.id).update({ status: 'None', mediaIds: [] })).mediaAttachments, []);
});

await part('refusals', async () => {
    await refuses('HTML is no picture', 422, () => ada.v2.media.create({ file: new Blob(['<!doctype html><script>1</script>'], { type: 'image/jpeg' }) }));
    const theirs = await bob.v2.media.create({ file: picture(1, 2, 3) });
    await refuses("another member's", 422, () => ada.v1.statuses.create({ status: 'x', mediaIds: [theirs.id] }));
    await refuses('one twice', 422, () => bob.v1.statuses.create({ status: 'x', mediaIds: [theirs.id, theirs.id] }));
});

await part('faces', async () => {
    const before = await ada.v1.accounts.verifyCredentials();
    await ada.v1.accounts.updateCredentials({ avatar: picture(200, 100, 50), header: picture(50, 100, 200) });
    const me = await ada.v1.accounts.verifyCredentials();
    check('a face', me.avatar !== before.avatar && me.avatar === me.avatarStatic, me.avatar);
    check('a header', me.header !== before.header, me.header);
    equal('taken away', (await ada.v1.profile.avatar.remove()).avatar, before.avatar);
    equal('both', (await ada.v1.profile.header.remove()).header, before.header);
});

await finish();
