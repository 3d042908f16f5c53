// Files that come in: by apps, by forms, hostile ones, too large ones; and that nothing of them is left lying about.
// harness: set rate_limits = no
// harness: set media_image_mb = 1
// harness: set media_quota_mb = 5
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { BASE, Client, check, equal, finish, member, token, until } from './lib.mjs';
import { multipart, png, upload } from './lib_media.mjs';

const MB = 1 << 20;
const spool = path.join(process.env.TEST_SITE, 'spool');

async function program(handle) {
    await member(handle);
    return new Client({ headers: { authorization: `Bearer ${await token(handle)}` } });
}

/** What lies in the folder where bodies come in. */
function lying() {
    const folder = path.join(spool, 'incoming');
    return existsSync(folder) ? readdirSync(folder) : [];
}

// nginx removes its file a moment after the answer.
const nothingLies = () => until(() => lying().length === 0, 'an empty folder of incoming files');

const ada = await program('ada'), ben = await program('ben');

// ---- What the site says of itself

{
    const v2 = (await ada.json('GET', '/api/v2/instance')).data.configuration;
    check('the types that are taken are named', v2.media_attachments.supported_mime_types.includes('image/heic'));
    check('and nothing that a browser would run', !v2.media_attachments.supported_mime_types.some((t) => /html|svg|xml$/.test(t)));
    equal('the largest picture', v2.media_attachments.image_size_limit, MB);
    equal('words of a description', v2.media_attachments.description_limit, 1500);
    equal('files of a post', v2.statuses.max_media_attachments, 4);
    const v1 = (await ada.json('GET', '/api/v1/instance')).data.configuration;
    equal('v1 says the same', v1.media_attachments.video_size_limit, v2.media_attachments.video_size_limit);
}

// ---- An app uploads

let id;
{
    const answer = await upload(ada, png(), { fields: { description: 'A red square', focus: '-0.5,0.25' }, fileName: '../../etc/red.png' });
    equal('an upload is accepted', answer.status, 202);
    const made = answer.json();
    id = made.id;
    equal('it is a picture', made.type, 'image');
    equal('that is being prepared', made.url, null);
    equal('with its words', made.description, 'A red square');
    equal('and its focus', made.meta.focus, { x: -0.5, y: 0.25 });

    const seen = await ada.request('GET', `/api/v1/media/${id}`);
    check('it can be asked for', (seen.status === 206) === (seen.json().url === null) && [200, 206].includes(seen.status), seen.status);
    equal('by nobody else', (await ben.request('GET', `/api/v1/media/${id}`)).status, 404);
    equal('least of all by strangers', (await new Client().request('GET', `/api/v1/media/${id}`)).status, 401);

    const changed = await ada.json('PUT', `/api/v1/media/${id}`, { description: 'Red', focus: '0,1' });
    equal('words are changed', changed.data.description, 'Red');
    equal('and the focus', changed.data.meta.focus, { x: 0, y: 1 });
    equal('not by others', (await ben.json('PUT', `/api/v1/media/${id}`, { description: 'Mine' })).status, 404);
    for (const focus of ['2,0', '1', 'a,b', '0,0,0', 'nan,0'])
        equal(`no focus is ${focus}`, (await ada.json('PUT', `/api/v1/media/${id}`, { focus })).status, 422);
    const long = await ada.json('PUT', `/api/v1/media/${id}`, { description: 'x'.repeat(1501) });
    equal('no description is longer than 1,500', long.status, 422);
    check('and the field is named', long.data.error.includes('description'), long.data.error);
    equal('nothing of that was taken', (await ada.json('GET', `/api/v1/media/${id}`)).data.description, 'Red');
    await nothingLies();
}

// It becomes ready, and has addresses for its owner's eyes.
{
    const ready = await until(async () => {
        const answer = await ada.request('GET', `/api/v1/media/${id}`);
        return answer.status === 200 && answer.json();
    }, 'a picture that is ready', 60);
    equal('its size is told', [ready.meta.original.width, ready.meta.original.height, ready.meta.original.size], [8, 8, '8x8']);
    check('and what it looks like', ready.blurhash.length >= 6, ready.blurhash);
    equal('words and focus are kept', [ready.description, ready.meta.focus], ['Red', { x: 0, y: 1 }]);
    const picture = await new Client().send('GET', ready.url.replace(BASE, ''));
    equal('its address is good', [picture.status, picture.header('content-type')], [200, 'image/webp']);
    equal('and not without the signature', (await new Client().send('GET', ready.url.replace(BASE, '').replace(/\?.*/, ''))).status, 404);
}

// A video says how long it is, how quick, and how many bits a second it takes; sound all but the frames; a picture none of it.
{
    const recording = (name, ...sources) => {
        const file = path.join(process.env.TEST_DIR, name);
        execFileSync('ffmpeg', ['-v', 'error', '-y', ...sources.flatMap((s) => ['-f', 'lavfi', '-i', s]), file]);
        return readFileSync(file);
    };
    const meta = async (bytes, fileName) => {
        const made = (await upload(ada, bytes, { fileName })).json();
        const ready = await until(async () => {
            const answer = await ada.request('GET', `/api/v1/media/${made.id}`);
            return answer.status === 200 && answer.json();
        }, `${fileName} that is ready`, 60);
        const whole = await new Client().send('GET', ready.url.replace(BASE, ''));
        return { ...ready.meta, bits: whole.body.length * 8 };
    };
    const film = await meta(recording('film.mp4', 'testsrc=size=160x90:rate=30000/1001:duration=3', 'sine=duration=3'), 'film.mp4');
    equal('frames of a video', film.original.frame_rate, '30000/1001');
    equal('its size', [film.original.width, film.original.height], [160, 90]);
    check('its length', Math.abs(film.original.duration - 3) < 0.2, film.original.duration);
    check('its bits', Math.abs(film.original.bitrate - film.bits / film.original.duration) < 2, film);
    equal('its preview has none of that', [film.small.frame_rate, film.small.duration, film.small.bitrate], [undefined, undefined, undefined]);
    const tone = await meta(recording('tone.mp3', 'sine=duration=2'), 'tone.mp3');
    equal('sound has no frames', tone.original.frame_rate, undefined);
    check('and a length and bits', Math.abs(tone.original.duration - 2) < 0.2 && tone.original.bitrate > 8000, tone);
    const picture = (await ada.json('GET', `/api/v1/media/${id}`)).data.meta.original;
    equal('a picture has none of it', [picture.frame_rate, picture.duration, picture.bitrate], [undefined, undefined, undefined]);
    await nothingLies();
}

// Without a file, with a preview, in JSON, by GET: clear words.
{
    const none = await ada.request('POST', '/api/v2/media', multipart([['description', 'nothing']]));
    equal('no file, no medium', none.status, 422);
    check('the field is named', none.json().error.startsWith('file'), none.html);
    equal('an empty file is none', (await upload(ada, Buffer.alloc(0))).status, 422);
    const preview = await ada.request('POST', '/api/v2/media', multipart([['file', png(), 'a.png'], ['thumbnail', png(), 't.png']]));
    equal('previews are not taken', preview.status, 422);
    equal('JSON is no upload', (await ada.json('POST', '/api/v2/media', { file: 'a' })).status, 422);
    const raw = await ada.request('POST', '/api/v2/media', { headers: { 'content-type': 'image/png' }, body: png() });
    equal('nor is a bare picture', raw.status, 415);
    const csv = await ada.request('PUT', `/api/v1/media/${id}`, { headers: { 'content-type': 'text/csv' }, body: 'a,b' });
    equal('nor anything else', csv.status, 415);
    const broken = multipart([['file', png(), 'a.png']]);
    equal('a form that is cut off is refused', (await ada.request('POST', '/api/v2/media',
        { headers: broken.headers, body: broken.body.subarray(0, broken.body.length - 20) })).status, 400);
    equal('strangers upload nothing', (await upload(new Client(), png())).status, 401);
    await nothingLies();
}

// ---- Hostile files: by content, never by name

for (const [what, bytes] of [
    ['HTML', '<!doctype html><script>alert(1)</script>'], ['SVG', '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'],
    ['a script', '#!/bin/sh\ntouch /tmp/owned\n'], ['PHP', '<?php echo 1;'], ['a program', '\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0>\0'],
    ['a zip', 'PK\x03\x04\x14\0\0\0\0\0']]) {
    const answer = await upload(ada, Buffer.from(bytes, 'latin1'), { fileName: 'cat.jpg', type: 'image/jpeg' });
    equal(`${what} named cat.jpg is refused`, answer.status, 422);
    check('with words that help', /Files of this type are not taken/.test(answer.json().error), answer.html);
}

{
    const list = await upload(ada, Buffer.from('#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:1,\nfile:///etc/passwd\n'), { fileName: 'film.mp4', type: 'video/mp4' });
    equal('a playlist named film.mp4 is a text, and no video', list.json().type, 'unknown');
}

// ---- Too large, too many

{
    const large = await upload(ada, png(8, 8, [1, 2, 3], MB));
    equal('a picture of more than 1 MB is too large', large.status, 422);
    check('which is said', /at most 1 MB/.test(large.json().error), large.html);
    const answer = await new Promise((resolve, reject) => {
        import('node:http').then(({ default: http }) => {
            const req = http.request(`${BASE}/api/v2/media`, { method: 'POST', headers: { ...ada.headers, 'content-type': 'multipart/form-data; boundary=x',
                'content-length': 900 * MB } }, resolve);
            req.on('error', reject);
            req.flushHeaders();
        });
    });
    equal('what is larger than all is refused before it is sent', answer.statusCode, 413);
    answer.destroy();

    const gus = await program('gus');
    const statuses = [];
    for (let i = 0; i < 6; i++)
        statuses.push((await upload(gus, png(8, 8, [i, 0, 0], MB - 4096))).status);
    equal('five megabytes are all that a member has', statuses, [202, 202, 202, 202, 202, 422]);
    equal('what is removed makes room', (await gus.request('DELETE', `/api/v1/media/${(await upload(gus, png())).json().id}`)).status, 200);
    await nothingLies();
}

// ---- Taken out of a form, it makes room at once; what a post has stays

{
    const hal = await member('hal');
    const bearer = new Client({ headers: { authorization: `Bearer ${await token('hal')}` } });
    const csrf = await hal.csrf(), used = async () => (await bearer.json('GET', '/api/deeplink/v1/me/quota')).data.used;
    const form = (fields, headers = {}) => {
        const sent = multipart([['csrf', csrf], ...fields]);
        return hal.request('POST', '/media', { body: sent.body, headers: { ...sent.headers, origin: BASE, ...headers } });
    };
    const added = async () => {
        const page = await form([['text', 'Words'], ['add', '1'], ['file', png(8, 8, [1, 2, 3], 5000), 'a.png', 'image/png']]);
        return page.form('/posts').fields.find(([name]) => name === 'media_1')[1];
    };
    equal('at first nothing is used', await used(), 0);
    const one = await added();
    check('what is in a form is', await used() > 5000, await used());
    const page = await form([['text', 'Words'], ['media_1', one], ['remove', one]]);
    equal('the form comes back without it', [page.status, page.form('/posts').fields.filter(([name]) => name.startsWith('media_'))], [200, []]);
    check('and with the words', page.html.includes('Words'));
    equal('the room is free', await used(), 0);
    equal('the file is gone', (await bearer.json('GET', `/api/v1/media/${one}`)).status, 404);
    const two = await added();
    const fetched = await form([['remove', two]], { 'x-requested-with': 'fetch' });
    equal('by the script, too', [fetched.status, fetched.html, await used()], [204, '', 0]);
    equal('twice does no harm', (await form([['remove', two]], { 'x-requested-with': 'fetch' })).status, 204);
    const three = await added();
    await hal.post('/posts', { csrf, text: 'With a file', media_1: three }, { follow: false });
    const full = await used();
    const edit = await form([['text', 'Words'], ['media_1', three], ['remove', three]]);
    equal('what a post has stays', [edit.status, await used()], [200, full]);
    equal('and is there', [200, 206].includes((await bearer.json('GET', `/api/v1/media/${three}`)).status), true);
    const hers = (await upload(ben, png())).json().id;
    equal("somebody else's, too", (await form([['remove', hers]], { 'x-requested-with': 'fetch' })).status, 204);
    equal('for its owner', [200, 206].includes((await ben.json('GET', `/api/v1/media/${hers}`)).status), true);
    await nothingLies();
}

// ---- Gone

equal('a file is removed', (await ada.request('DELETE', `/api/v1/media/${id}`)).status, 200);
equal('and is gone', (await ada.request('GET', `/api/v1/media/${id}`)).status, 404);
equal('from the spool as well', existsSync(path.join(spool, id)), false);

// ---- From other sites' scripts

{
    const asked = await new Client().send('OPTIONS', '/api/v2/media',
        { headers: { origin: 'https://app.example', 'access-control-request-method': 'POST' } });
    equal('browsers may ask first', asked.status, 204);
    equal('and are let in', asked.header('access-control-allow-origin'), '*');
}

await finish();
