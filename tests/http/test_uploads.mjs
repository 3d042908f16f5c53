// Uploads in pieces: offsets, resuming, wrong sums, room; and what is left when processes die in the middle.
// harness: alone
// harness: set rate_limits = no
// harness: set media_quota_mb = 6
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { BASE, Client, check, equal, finish, member, served, server, token, until } from './lib.mjs';
import { multipart, png, upload } from './lib_media.mjs';

const OWN = '/api/deeplink/v1', MB = 1 << 20;
const MEDIA = process.env.TEST_SHAPE === 'single' ? 'serve' : 'serve-media'; // the pool that takes files
const spool = path.join(process.env.TEST_SITE, 'spool');
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const inFolder = (name) => existsSync(path.join(spool, name)) ? readdirSync(path.join(spool, name)) : [];
const nothingLies = () => until(() => inFolder('incoming').length === 0, 'an empty folder of incoming files');

async function program(handle) {
    await member(handle);
    return new Client({ headers: { authorization: `Bearer ${await token(handle)}` } });
}

const ada = await program('ada'), ben = await program('ben');
const begin = (who, fields) => who.json('POST', `${OWN}/uploads`, fields);
const piece = (who, id, bytes, offset, headers = { 'upload-offset': String(offset) }) => who.request('PATCH', `${OWN}/uploads/${id}`,
    { headers: { 'content-type': 'application/octet-stream', ...headers }, body: bytes });
const complete = (who, id, fields = {}) => who.json('POST', `${OWN}/uploads/${id}/complete`, fields);

// ---- From the beginning to the end

const bytes = png(16, 16, [10, 200, 30], 300000);
{
    const begun = await begin(ada, { size: bytes.length, mime: 'image/png', sha256: sha256(bytes), file_name: 'long walk.png' });
    equal('an upload begins', begun.status, 201);
    const id = begun.data.id;
    equal('at an address of its own', begun.header('location'), `${BASE}${OWN}/uploads/${id}`);
    equal('with nothing there yet', [begun.data.offset, begun.data.size], [0, bytes.length]);

    equal('it is not complete', (await complete(ada, id)).status, 409);
    const first = await piece(ada, id, bytes.subarray(0, 100000), 0);
    equal('a piece is added', [first.status, first.json().offset], [200, 100000]);
    const again = await piece(ada, id, bytes.subarray(0, 100000), 0);
    equal('the same piece again is not', [again.status, again.header('upload-offset')], [409, '100000']);
    equal('nor one after a gap', (await piece(ada, id, bytes.subarray(200000), 200000)).status, 409);
    const head = await ada.request('HEAD', `${OWN}/uploads/${id}`);
    equal('the offset can be asked for', [head.status, head.header('upload-offset')], [200, '100000']);
    equal('a piece without an offset is refused', (await piece(ada, id, bytes.subarray(100000), 0, {})).status, 400);
    equal('and one of nothing', (await piece(ada, id, '', 100000)).status, 400);
    for (const range of ['bytes 100000-100009/9', 'bytes 9-1/*', 'bytes x-y/z', 'pages 1-2/3'])
        check(`and one at ${range}`, (await piece(ada, id, 'xx', 0, { 'content-range': range })).status === 400);
    equal('and more than was announced', (await piece(ada, id, Buffer.alloc(bytes.length), 100000)).status, 413);
    const rest = bytes.subarray(100000);
    const ranged = await piece(ada, id, rest, 0, { 'content-range': `bytes 100000-${bytes.length - 1}/${bytes.length}` });
    equal('Content-Range says it as well', [ranged.status, ranged.json().offset], [200, bytes.length]);

    for (const [what, answer] of [['seen', await ben.request('GET', `${OWN}/uploads/${id}`)], ['completed', await complete(ben, id)],
        ['added to', await piece(ben, id, 'x', 0)]])
        equal(`it is not ${what} by others`, answer.status, 404);

    const made = await complete(ada, id, { description: 'A green square', focus: '0.5,0' });
    check('it becomes a medium', [200, 202].includes(made.status), made.html);
    equal('of the same id', made.data.id, id);
    equal('with its words', made.data.attachment.description, 'A green square');
    equal('and its name', made.data.file_name, 'long walk.png');
    equal('whole', made.data.bytes, bytes.length);
    equal('completing it again gives the same', (await complete(ada, id)).data.id, id);
    equal('the upload is gone', (await ada.request('GET', `${OWN}/uploads/${id}`)).status, 404);
    equal('and its parts', inFolder('parts').length, 0);
    equal('it stands in the list', (await ada.json('GET', `${OWN}/me/media`)).data.items.map((m) => m.id), [id]);
    equal('and counts', (await ada.json('GET', `${OWN}/me/quota`)).data.used, bytes.length);
    equal('others have none', (await ben.json('GET', `${OWN}/me/media`)).data.items, []);
    equal('it has not failed, so there is nothing to try again', (await ben.json('POST', `${OWN}/media/${id}/retry`)).status, 404);
}

// ---- Refused as early as can be

equal('no type that is not taken', (await begin(ada, { size: 10, mime: 'text/html' })).status, 422);
equal('no sum that is none', (await begin(ada, { size: 10, sha256: 'abc' })).status, 422);
equal('nothing of no size', (await begin(ada, { size: 0 })).status, 422);
equal('nothing larger than its kind may be', (await begin(ada, { size: 17 * MB, mime: 'image/png' })).status, 422);
equal('nothing larger than all', (await begin(ada, { size: 900 * MB })).status, 422);
{
    const one = await begin(ben, { size: 4 * MB });
    equal('room is taken by what is begun', (await begin(ben, { size: 4 * MB })).status, 507);
    equal('ending it gives it back', (await ben.request('DELETE', `${OWN}/uploads/${one.data.id}`)).status, 204);
    const two = await begin(ben, { size: 4 * MB });
    equal('so that there is room again', two.status, 201);
    await ben.request('DELETE', `${OWN}/uploads/${two.data.id}`);
}
{
    const begun = (await begin(ben, { size: 40, sha256: sha256('something else') })).data;
    await piece(ben, begun.id, 'x'.repeat(40), 0);
    const wrong = await complete(ben, begun.id);
    equal('what came is compared with what was announced', [wrong.status, wrong.data.errors?.[0]?.field], [422, 'sha256']);
    equal('and begins anew', (await ben.json('GET', `${OWN}/uploads/${begun.id}`)).data.offset, 0);
    await piece(ben, begun.id, '<html><script>alert(1)</script></html>\n\n', 0);
    const html = (await begin(ben, { size: 40 })).data;
    await piece(ben, html.id, '<html><script>alert(1)</script></html>\n\n', 0);
    equal('what it is, is told by its content', (await complete(ben, html.id)).status, 422);
    for (const id of [begun.id, html.id])
        await ben.request('DELETE', `${OWN}/uploads/${id}`);
    equal('no parts are left', inFolder('parts').length, 0);
}
await nothingLies();

// ---- Processes die

/** A request whose body is sent by hand; { req, answer }: answer is its status, or 0 when the connection broke. */
function slow(method, target, headers) {
    const req = http.request(`${BASE}${target}`, { method, headers: { ...ada.headers, ...headers } });
    const answer = new Promise((resolve) => {
        req.on('response', (res) => { res.resume(); resolve(res.statusCode); });
        req.on('error', () => resolve(0));
    });
    return { req, answer };
}

/** Waits for the one body that arrives now. Before it is sent nothing may lie there: a worker that is killed between its
 *  answer and its tidying up leaves the file to the hourly sweep. */
const bodyBegan = (what) => until(() => inFolder('incoming').length === 1, what);

/** The master and its workers, all at once: they are a process group. */
const killAll = () => process.kill(-Number(readFileSync(path.join(process.env.TEST_SITE, `${MEDIA}.pid`), 'utf8').split('\n')[0]), 'SIGKILL');

const ready = () => until(async () => (await new Client().send('GET', '/readyz')).status === 200, 'a site that is ready', 30);

{
    const form = multipart([['file', png(8, 8, [9, 9, 9], 200000), 'a.png']]);
    await nothingLies();
    const one = slow('POST', '/api/v2/media', { ...form.headers, 'content-length': form.body.length });
    one.req.write(form.body.subarray(0, 100000));
    await bodyBegan('the beginning of a body');
    killAll();
    one.req.end(form.body.subarray(100000));
    {
        const status = await one.answer;
        check('whoever uploads meanwhile is told', status >= 500, status);
    }
    await nothingLies();
    check('and nothing lies about', true);
    await server('start', MEDIA);
    await ready();
    equal('and can send it again', (await served(() => upload(ada, png(8, 8, [9, 9, 9], 200000)))).status, 202);
}
{
    const begun = (await begin(ada, { size: bytes.length, sha256: sha256(bytes) })).data;
    await piece(ada, begun.id, bytes.subarray(0, 120000), 0);
    await nothingLies();
    const cut = slow('PATCH', `${OWN}/uploads/${begun.id}`, { 'content-type': 'application/octet-stream', 'upload-offset': '120000', 'content-length': 150000 });
    cut.req.write(bytes.subarray(120000, 220000));
    await bodyBegan('the beginning of a piece');
    killAll();
    cut.req.destroy();
    await nothingLies();
    await server('start', MEDIA);
    await ready();
    equal('a piece that was cut off never came', (await served(() => ada.json('GET', `${OWN}/uploads/${begun.id}`))).data.offset, 120000);
    equal('the upload goes on', (await piece(ada, begun.id, bytes.subarray(120000), 120000)).status, 200);
    check('to its end', [200, 202].includes((await complete(ada, begun.id)).status));
}
{
    const { data: begun } = await begin(ada, { size: bytes.length });
    await server('stop', 'postgres');
    const answer = await piece(ada, begun.id, bytes, 0);
    equal('without the database it is said', [answer.status, answer.header('retry-after') !== undefined], [503, true]);
    const simple = await upload(ada, png());
    equal('of whole files too', simple.status, 503);
    await server('start', 'postgres');
    await ready();
    equal('and nothing of it was taken', (await served(() => ada.json('GET', `${OWN}/uploads/${begun.id}`))).data.offset, 0);
    await nothingLies();
}

await finish();
