// Posts and members with pictures, for programs: from the upload to what readers see.
// harness: again on kafka
// harness: set rate_limits = no
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { BASE, Client, check, equal, finish, member, tagsOf, token, unescapeHtml, until, xmlProblem } from './lib.mjs';
import { multipart, png, upload } from './lib_media.mjs';
import { Events } from './lib_streams.mjs';

async function program(handle) {
    const session = await member(handle), bearer = await token(handle);
    const client = new Client({ headers: { authorization: `Bearer ${bearer}` } });
    return { client, bearer, session, id: (await client.json('GET', '/api/v1/accounts/verify_credentials')).data.id,
        get: async (path) => (await client.json('GET', `/api/v1${path}`)).data,
        send: (method, path, body, headers) => client.json(method, `/api/v1${path}`, body, { headers }) };
}

/** Uploads, and waits until it can be attached. */
async function picture(who, colour, fields = {}) {
    const { id } = (await upload(who.client, png(40, 20, colour), { fields })).json();
    await until(async () => (await who.client.request('GET', `/api/v1/media/${id}`)).status === 200, 'a picture that is ready', 30);
    return id;
}

/** Status and type of what an address of this site gives to a stranger. */
async function fetched(url) {
    check('the address is of this site', url.startsWith(`${BASE}/m/`), url);
    const answer = await new Client().request('GET', url.slice(BASE.length));
    return [answer.status, answer.header('content-type')];
}

// The store hears a moment later that what has been attached is for everybody.
async function isFor(everybody, what, url) {
    await until(async () => (await fetched(url))[0] === 200, what);
    equal(`${what}: a picture for ${everybody}`, (await fetched(url))[1], 'image/webp');
}

const ada = await program('ada'), ben = await program('ben'), nobody = new Client();
const post = async (body, who = ada, headers) => (await who.send('POST', '/statuses', body, headers)).data;

// ---- A post with pictures

let status, first, second;
{
    const open = await Events.open('/api/v1/streaming/public/media', { token: ben.bearer });
    const [all] = [await Events.open('/api/v1/streaming/public', { token: ben.bearer })];
    const waiting = (await upload(ada.client, png(1200, 1200, [9, 9, 9]))).json().id;
    const soon = await ada.send('POST', '/statuses', { status: 'too soon', media_ids: [waiting] });
    check('what is not ready is refused, or was ready already', soon.status === 200 ||
        (soon.status === 422 && /have not finished processing/.test(soon.data.error)), soon);

    [first, second] = [await picture(ada, [250, 0, 0], { description: 'A red field', focus: '0.5,-0.5' }), await picture(ada, [0, 0, 250])];
    await post({ status: 'words alone' });
    status = await post({ status: '', media_ids: [second, first] });
    equal('a post may be pictures alone', [status.content, status.media_attachments.length], ['', 2]);
    equal('in the order that was sent', status.media_attachments.map((m) => m.id), [second, first]);
    const shown = status.media_attachments[1];
    equal('with its words', shown.description, 'A red field');
    equal('its focus', shown.meta.focus, { x: 0.5, y: -0.5 });
    equal('its size', [shown.type, shown.meta.original.width, shown.meta.original.height], ['image', 40, 20]);
    check('and a blurhash', typeof shown.blurhash === 'string' && shown.blurhash.length > 5, shown.blurhash);
    await isFor('everybody', 'strangers get the picture', shown.url);
    await isFor('everybody', 'and the small one', shown.preview_url);
    equal('strangers see it in the post', (await nobody.json('GET', `/api/v1/statuses/${status.id}`)).data.media_attachments.map((m) => m.id), [second, first]);

    await until(() => open.of('update').some((s) => s.id === status.id), 'the post in the stream of media');
    equal('which has nothing else', open.of('update').filter((s) => s.media_attachments.length === 0), []);
    await until(() => all.of('update').some((s) => s.id === status.id), 'the post in the stream of all');
    open.close();
    all.close();
}

// ---- Feeds

/** The entry of a feed that leads to a post: its links to files, and its text. */
async function entryOf(path, id) {
    const feed = await nobody.get(path);
    equal(`${path} is well-formed`, xmlProblem(feed.html), null);
    const entry = feed.html.match(/<entry>[\s\S]*?<\/entry>/g).find((text) => text.includes(`/${id}</id>`)) ?? '';
    const content = unescapeHtml(/<content type="html">([\s\S]*?)<\/content>/.exec(entry)?.[1] ?? '');
    return { files: tagsOf(entry).filter(({ name, attributes: a }) => name === 'link' && a.rel === 'enclosure').map((t) => t.attributes), content,
        pictures: tagsOf(content).filter(({ name }) => name === 'img').map((t) => t.attributes) };
}

{
    const { files, pictures } = await entryOf('/@ada/feed.atom', status.id);
    equal('a feed names what is attached', files.map((f) => [f.type, f.title]), [['image/webp', undefined], ['image/webp', 'A red field']]);
    equal('by the address of all', files.map((f) => f.href), status.media_attachments.map((m) => m.url));
    for (const file of files)
        equal('and says how long it is', Number(file.length), (await nobody.send('GET', file.href.replace(BASE, ''))).body.length);
    equal('it is shown within the text', pictures.map((p) => [p.width, p.height, p.alt]), [['40', '20', ''], ['40', '20', 'A red field']]);
    equal('for readers of any kind', await fetched(pictures[0].src), [200, 'image/jpeg']);

    const words = { description: 'Cups & "saucers" <3' };
    const tagged = await post({ status: 'Look: #crockery', media_ids: [await picture(ada, [4, 5, 6], words)] });
    const inTag = await entryOf('/tags/crockery/feed.atom', tagged.id);
    equal('so do those of tags', [inTag.files[0].title, inTag.pictures[0].alt], [words.description, words.description]);
    check('with the words', /^<p>Look: .*crockery/.test(inTag.content), inTag.content);

    const sensitive = await post({ status: 'Covered', sensitive: true, media_ids: [await picture(ada, [4, 5, 7])] });
    equal('what is covered elsewhere stays out', await entryOf('/@ada/feed.atom', sensitive.id), { files: [], content: '<p>Covered</p>', pictures: [] });
    const warned = await post({ status: 'Behind it', spoiler_text: 'Careful', media_ids: [await picture(ada, [4, 5, 8])] });
    equal('and behind a warning all', await entryOf('/@ada/feed.atom', warned.id), { files: [], content: '', pictures: [] });
}

// ---- What is refused: with words that name the field, and nothing is made

{
    const theirs = await picture(ben, [1, 1, 1]), count = (await ada.get('/accounts/verify_credentials')).statuses_count;
    const refused = async (what, body, field = 'media_ids') => {
        const answer = await ada.send('POST', '/statuses', { status: 'x', ...body });
        equal(what, answer.status, 422);
        check(`${what}: ${field} is named`, answer.data.error.includes(field) || field in (answer.data.details ?? {}), answer.data);
    };
    await refused('five files', { media_ids: ['1', '2', '3', '4', '5'] });
    await refused('one twice', { media_ids: [first, first] });
    await refused("others' files", { media_ids: [theirs] });
    await refused('what is not there', { media_ids: ['123456789'] });
    await refused('what another post has', { media_ids: [first] });
    await refused('what is no id', { media_ids: ['a'] });
    equal('none of it was made', (await ada.get('/accounts/verify_credentials')).statuses_count, count);
    equal('and ben can post his', (await post({ status: 'mine', media_ids: [theirs] }, ben)).media_attachments[0].id, theirs);
}

{
    const id = await picture(ada, [3, 3, 3]), key = { 'idempotency-key': 'once with a picture' };
    const one = await post({ media_ids: [id] }, ada, key), two = await post({ media_ids: [id] }, ada, key);
    equal('a key makes one post', one.id, two.id);
    equal('which has the picture', two.media_attachments.map((m) => m.id), [id]);
}

// ---- For few

{
    const id = await picture(ada, [130, 20, 220]), few = await post({ status: 'for followers', visibility: 'private', media_ids: [id] });
    const { url } = few.media_attachments[0];
    check('its address is signed', /\?e=\d+&s=[\w-]+$/.test(url), url);
    equal('whoever was given it gets the picture', await fetched(url), [200, 'image/webp']);
    equal('not without the signature', (await fetched(url.replace(/\?.*/, '')))[0], 404);
    equal('nor with another', (await fetched(url.replace(/.$/, (c) => (c === 'A' ? 'B' : 'A'))))[0], 404);
    equal('nor for longer', (await fetched(url.replace(/e=(\d+)/, (_, n) => `e=${Number(n) + 86400}`)))[0], 404);
    equal('others do not see the post', (await ben.client.request('GET', `/api/v1/statuses/${few.id}`)).status, 404);
}

// A long film for few: players are led from the page by addresses that are all signed, to both of its qualities.
{
    const file = path.join(process.env.TEST_DIR, 'long.mp4');
    execFileSync('ffmpeg', ['-v', 'error', '-y', '-f', 'lavfi', '-i', 'testsrc=s=1280x720:r=2:d=62', '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', file]);
    const { id } = (await upload(ada.client, readFileSync(file), { fileName: 'long.mp4', type: 'video/mp4' })).json();
    await until(async () => (await ada.client.request('GET', `/api/v1/media/${id}`)).status === 200, 'a film that is ready', 120);
    const few = await post({ status: 'a long one', visibility: 'private', media_ids: [id] });
    const page = await ada.session.get(new URL(few.url).pathname);
    const list = page.tags('source').find((source) => source.type === 'application/vnd.apple.mpegurl').src;
    const words = async (at) => (await nobody.request('GET', at)).html, parts = (text) => [...new Set(text.match(/\/m\/[\w.]+\?e=\d+&s=[\w-]+/g))];
    const qualities = parts(await words(list));
    equal('two qualities', [qualities.length, /RESOLUTION=1280x720/.test(await words(list)), /RESOLUTION=854x480/.test(await words(list))], [2, true, true]);
    const widths = [];
    for (const at of qualities) {
        equal('each has its pieces in one file', parts(await words(at)).length, 1);
        const [film] = parts(await words(at));
        equal('which is had by its own signature alone', [(await nobody.send('GET', film)).status, (await nobody.send('GET', film.replace(/\?.*/, ''))).status], [200, 404]);
        widths.push(execFileSync('ffprobe', ['-v', 'error', '-show_entries', 'stream=width', '-of', 'csv=p=0', BASE + at], { encoding: 'utf8' }).match(/\d+/)[0]);
    }
    equal('players read them', widths, ['1280', '854']);
    equal('nobody else does', (await nobody.send('GET', list.replace(/\?.*/, ''))).status, 404);
}

// ---- Editing

{
    const third = await picture(ada, [0, 250, 0]);
    const edited = (await ada.send('PUT', `/statuses/${status.id}`, { status: 'now with words', media_ids: [first, third],
        media_attributes: [{ id: first, description: 'A crimson field', focus: '0,1' }] })).data;
    equal('pictures are exchanged', edited.media_attachments.map((m) => m.id), [first, third]);
    equal('and described anew', [edited.media_attachments[0].description, edited.media_attachments[0].meta.focus], ['A crimson field', { x: 0, y: 1 }]);
    const history = await ada.get(`/statuses/${status.id}/history`);
    equal('history knows both', history.map((h) => h.media_attachments.map((m) => m.id)), [[second, first], [first, third]]);
    await isFor('everybody', 'what was there can still be seen', history[0].media_attachments[0].url);
    equal('our own history says so too', (await ada.client.json('GET', `/api/deeplink/v1/posts/${status.id}/history`)).data.items
        .map((h) => h.media.map((m) => m.id)), [[second, first], [first, third]]);
    const page = await nobody.get(`/posts/${status.id}/history`), old = page.html.slice(page.html.indexOf('<h2>Version 1'));
    const seen = (html) => tagsOf(html).filter(({ name, attributes: a }) => name === 'img' && a.decoding).map((t) => t.attributes.alt);
    equal('the page shows both versions', seen(page.html), ['A crimson field', 'Picture 2, not described', 'Picture 1, not described', 'A red field']);
    equal('each with its own', seen(old), ['Picture 1, not described', 'A red field']);
    equal('a picture leads to its file', tagsOf(old).find(({ attributes: a }) => a.class === 'shot').attributes.href, history[0].media_attachments[0].url.replace(BASE, ''));
    equal('what is not said stays', (await ada.send('PUT', `/statuses/${status.id}`, { status: 'other words' })).data.media_attachments.length, 2);
    const wrong = await ada.send('PUT', `/statuses/${status.id}`, { status: 'x', media_attributes: [{ id: second, description: 'no more' }] });
    equal('what it has not cannot be described', [wrong.status, (await ada.get(`/statuses/${status.id}`)).content], [422, '<p>other words</p>']);
    equal('nor everything be taken away', (await ada.send('PUT', `/statuses/${status.id}`, { status: '', media_ids: [] })).status, 422);
    equal('all pictures can', (await ada.send('PUT', `/statuses/${status.id}`, { media_ids: [] })).data.media_attachments, []);
    const form = await ada.client.request('PUT', `/api/v1/statuses/${status.id}`, { headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: `media_ids[]=${first}&media_attributes[][id]=${first}&media_attributes[][description]=By+form` });
    equal('forms say the same', form.json().media_attachments.map((m) => [m.id, m.description]), [[first, 'By form']]);
    equal('a description is found', (await ada.client.json('GET', '/api/v2/search?q=form&type=statuses')).data.statuses.map((s) => s.id), [status.id]);
    const bare = await ada.client.request('PUT', `/api/v1/statuses/${status.id}`, { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'media_ids[]=' });
    equal('also that there is none', bare.json().media_attachments, []);
}

// A description that is changed by itself is seen in the post.
{
    const id = await picture(ada, [5, 5, 5]), made = await post({ status: 'seen', media_ids: [id] });
    const home = await Events.open('/api/v1/streaming/user', { token: ada.bearer });
    await ada.send('PUT', `/media/${id}`, { description: 'Said later' });
    await until(async () => (await ada.get(`/statuses/${made.id}`)).media_attachments[0].description === 'Said later', 'the new words');
    await until(() => home.of('status.update').some((s) => s.id === made.id && s.media_attachments[0].description === 'Said later'), 'the same in the stream');
    home.close();
}

// ---- Lists of what has media

{
    const only = async (path) => (await nobody.json('GET', `/api/v1${path}${path.includes('?') ? '&' : '?'}only_media=true&limit=40`)).data;
    const tagged = await post({ status: '#shots', media_ids: [await picture(ada, [6, 6, 6])] });
    await post({ status: '#shots without' });
    for (const [what, path] of [['the site', '/timelines/public'], ['a member', `/accounts/${ada.id}/statuses`], ['a tag', '/timelines/tag/shots']]) {
        const list = await only(path);
        check(`${what}: the picture is there`, list.some((s) => s.id === tagged.id), list.map((s) => s.id));
        check(`${what}: nothing else`, list.every((s) => s.media_attachments.length > 0), list.map((s) => s.media_attachments.length));
    }
    equal('the tag has one', (await only('/timelines/tag/shots')).length, 1);
    const pages = [];
    for (let at = ''; pages.length < 20;) {
        const list = (await nobody.json('GET', `/api/v1/accounts/${ada.id}/statuses?only_media=true&limit=1${at}`)).data;
        if (list.length === 0)
            break;
        pages.push(list[0].id);
        at = `&max_id=${list[0].id}`;
    }
    equal('page by page it is the same', pages, (await only(`/accounts/${ada.id}/statuses`)).map((s) => s.id));
}

// ---- Deleting, and writing anew

{
    const id = await picture(ada, [7, 7, 7]), old = await post({ status: 'typo', media_ids: [id] });
    const { url } = old.media_attachments[0];
    const gone = (await ada.send('DELETE', `/statuses/${old.id}`)).data;
    equal('the answer has what it was', [gone.text, gone.media_attachments.map((m) => m.id)], ['typo', [id]]);
    equal('the picture can be attached at once', (await post({ status: 'no typo', media_ids: [id] })).media_attachments[0].url, url);
}

// ---- A member's own pictures

const change = (parts) => ada.client.request('PATCH', '/api/v1/accounts/update_credentials', multipart(parts));
{
    const before = await ada.get('/accounts/verify_credentials');
    check('at first it is made for everybody', before.avatar === `${BASE}/avatars/${ada.id}.png` && before.header === `${BASE}/banners/${ada.id}.png`, before.avatar);
    const answer = await change([['display_name', 'Ada L.'], ['avatar', png(300, 200, [10, 20, 30]), 'me.png', 'image/png'], ['header', png(600, 200, [30, 20, 10]), 'wide.png', 'image/png']]);
    equal('pictures are taken', [answer.status, answer.json().display_name], [200, 'Ada L.']);
    let mine = answer.json();
    await until(async () => (mine = await ada.get('/accounts/verify_credentials')).avatar !== before.avatar && mine.header !== before.header, 'the pictures', 30);
    await isFor('everybody', 'avatar', mine.avatar);
    await isFor('everybody', 'header', mine.header);
    equal('static is the same', [mine.avatar_static, mine.header_static], [mine.avatar, mine.header]);
    equal('others see it', (await ben.get(`/accounts/${ada.id}`)).avatar, mine.avatar);
    await until(async () => (await ben.get('/timelines/public')).filter((s) => s.account.id === ada.id).every((s) => s.account.avatar === mine.avatar), 'the same beside every post', 30);

    const html = await change([['avatar', '<!doctype html><script>1</script>', 'me.png', 'image/png']]);
    equal('what is no picture is refused', html.status, 422);
    check('avatar is named', html.json().error.includes('avatar'), html.html);
    equal('text is no picture', (await ada.send('PATCH', '/accounts/update_credentials', { avatar: 'data:image/png;base64,AAAA' })).status, 422);
    const broken = await change([['display_name', 'Not taken'], ['avatar', png(30, 30).subarray(0, 60), 'me.png', 'image/png']]);
    check('a broken one is refused, or the old one stays', broken.status === 422 || broken.json().avatar === mine.avatar, broken.html);
    equal('nothing has changed', (await ada.get('/accounts/verify_credentials')).avatar, mine.avatar);
    equal('an empty field is none', (await change([['avatar', '', '', 'application/octet-stream']])).status, 200);

    const without = (await ada.send('DELETE', '/profile/avatar')).data;
    equal('a picture is removed', [without.avatar, without.header], [before.avatar, mine.header]);
    equal('and the other', (await ada.send('DELETE', '/profile/header')).data.header, before.header);
    equal('strangers remove nothing', (await nobody.request('DELETE', '/api/v1/profile/avatar')).status, 401);
}

await finish();
