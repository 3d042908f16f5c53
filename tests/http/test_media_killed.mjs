// Uploads, whole and in pieces, when nginx, the workers or the server of documents are killed in the middle of them. Afterwards
// each is ready or can be sent again, goes on from where it was, and nothing lies about; with both engines of documents.
// harness: alone
// harness: serial
// harness: set rate_limits = no
// harness: set server_timeout_ms = 20000
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chownSync, existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { BASE, Client, check, configure, deeplink, equal, finish, member, part, server, token, until } from './lib.mjs';
import { multipart, png } from './lib_media.mjs';

const { TEST_SITE, TEST_DIR, TEST_PG_ADMIN, TEST_MONGO, TEST_SHAPE } = process.env;
const OWN = '/api/deeplink/v1', SECONDS = 120; // for what has to be made anew on a busy machine
const MEDIA = TEST_SHAPE === 'single' ? 'serve' : 'serve-media'; // the pool that takes files
const spool = path.join(TEST_SITE, 'spool'), files = path.join(TEST_SITE, 'media/files');
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const inFolder = (name) => existsSync(path.join(spool, name)) ? readdirSync(path.join(spool, name)) : [];
const sql = (text) => execFileSync('psql', ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', TEST_PG_ADMIN, '-c', text], { encoding: 'utf8' }).trim();

await member('ada');
const headers = { authorization: `Bearer ${await token('ada')}` };
const ada = new Client({ headers });
const kept = new Map(); // what was acknowledged: id → SHA-256 of what was sent

// ---- Short ways

/** One request; its answer, or the status 0 where the connection broke. */
const ask = (method, target, options) => ada.send(method, target, options).catch(() => ({ status: 0, headers: {}, header: () => undefined }))
    .finally(() => { answers++; });
const askJson = (method, target, fields) => ask(method, target,
    fields === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(fields) });
const piece = (id, bytes, offset) => ask('PATCH', `${OWN}/uploads/${id}`,
    { headers: { 'content-type': 'application/octet-stream', 'upload-offset': String(offset) }, body: bytes });
const complete = (id) => askJson('POST', `${OWN}/uploads/${id}/complete`, { description: 'What it shows' });
const whole = (bytes) => ask('POST', '/api/v2/media', multipart([['file', bytes, 'a.png', 'image/png'], ['description', 'What it shows']]));
const offsetOf = async (id) => (await ada.json('GET', `${OWN}/uploads/${id}`)).data.offset;
const begin = async (bytes) => (await ada.json('POST', `${OWN}/uploads`, { size: bytes.length, sha256: sha256(bytes), file_name: 'walk.png' })).data.id;

let answers = 0, colour = 0;
/** A picture that nobody has sent yet. */
const picture = (more = 200000) => png(16, 16, [colour & 255, (colour++ * 7) & 255, 99], more);

/** A request whose body is sent by hand; { req, answer }: its status, or 0. */
function slow(method, target, more) {
    const req = http.request(`${BASE}${target}`, { method, headers: { ...headers, ...more } });
    const answer = new Promise((resolve) => {
        req.on('response', (res) => { res.resume(); resolve(res.statusCode); });
        req.on('error', () => resolve(0));
    });
    return { req, answer };
}

function acknowledged(what, answer, bytes) {
    if (check(`${what} is acknowledged`, [200, 202].includes(answer.status), `${answer.status} ${answer.html}`))
        kept.set(answer.json().id, sha256(bytes));
    return answer.json().id;
}

const readyz = () => until(async () => (await new Client().send('GET', '/readyz').catch(() => ({}))).status === 200, 'a site that is ready', 60);

/** Until it is ready. What failed, as it may where a busy machine has no thread left, is tried again, as its owner can. */
const isReady = (id) => until(async () => {
    const { status } = await ask('GET', `/api/v1/media/${id}`);
    if (status === 422)
        equal('what failed can be tried again', (await askJson('POST', `${OWN}/media/${id}/retry`)).status, 202);
    return status === 200;
}, `${id}, ready,`, SECONDS);

// ---- What is killed

const childrenOf = (pid) => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
const pidIn = (file) => Number(readFileSync(path.join(TEST_SITE, file), 'utf8').split('\n')[0]);
const kill = (pid) => { try { process.kill(pid, 'SIGKILL'); } catch { /* it has ended by itself */ } };

/** The workers that take files; their master starts others, later each time that they live but shortly. */
const killHandlers = () => childrenOf(pidIn(`${MEDIA}.pid`)).forEach(kill);

/** Other workers, asked for, so that those that are killed next are started again at once. */
async function handlersAnew() {
    const master = pidIn(`${MEDIA}.pid`);
    await readyz();
    const old = childrenOf(master);
    process.kill(master, 'SIGHUP');
    await until(() => !childrenOf(master).some((pid) => old.includes(pid)), 'other workers', 30);
    await readyz();
}

/** nginx as a whole: a worker whose master is gone would go on. */
async function killNginx() {
    const master = pidIn('nginx/nginx.pid'), all = [master, ...childrenOf(master)];
    all.forEach(kill);
    await until(() => all.every((pid) => !existsSync(`/proc/${pid}`)), 'the end of nginx');
}

async function nginxAgain() {
    await server('start', 'nginx');
    await readyz();
}

const holders = new Set();

/** PostgreSQL lets nobody do that before it is released: a statement, like LOCK TABLE. */
async function hold(statement) {
    const psql = spawn('psql', ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', TEST_PG_ADMIN], { stdio: ['pipe', 'pipe', 'inherit'] });
    let said = '';
    psql.stdout.on('data', (text) => { said += text; });
    psql.stdin.on('error', () => {}); // where PostgreSQL is stopped meanwhile
    psql.stdin.write(`BEGIN; ${statement};\n\\echo held\n`);
    await until(() => said.includes('held'), statement);
    const ended = new Promise((resolve) => { psql.on('exit', resolve); });
    holders.add(psql);
    return async () => {
        holders.delete(psql);
        psql.stdin.end('COMMIT;\n');
        await ended;
    };
}

/** A statement that the pattern fits waits for what is held. */
const waiting = (like) => until(() => Number(sql(`SELECT count(*) FROM pg_stat_activity
    WHERE wait_event_type = 'Lock' AND datname = current_database() AND query ~ '${like}'`)) > 0, `somebody at ${like}`);

/** Makes PostgreSQL wait at certain rows, for a lock that nothing else knows of. A lock of the table would stop new workers, too,
 * which prepare their statements. */
function gate(number, table, what, when) {
    sql(`CREATE FUNCTION wait_${number}() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_catalog.pg_advisory_xact_lock(${number}); RETURN NEW; END $$;
        CREATE TRIGGER wait_${number} BEFORE ${what} ON ${table} FOR EACH ROW WHEN (${when}) EXECUTE FUNCTION wait_${number}()`);
    return { hold: () => hold(`SELECT pg_advisory_lock(${number})`),
        reached: () => until(() => Number(sql(`SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = ${number} AND NOT granted`)) > 0,
            `somebody at ${table}`, 30) };
}

/** Where an upload can be stopped: before its row, at its document, before it has begun. */
const places = {
    row: gate(7001, 'media.items', 'INSERT', 'true'),
    document: { hold: () => documents.hold(), reached: () => documents.reached() },
    beginning: gate(7002, 'events.outbox', 'INSERT', "NEW.type = 'media.uploaded'"),
};
const end = gate(7003, 'events.outbox', 'INSERT', "NEW.type = 'media.ready'"); // of its worker's work
const atDocument = gate(7004, 'docs.media', 'INSERT OR UPDATE', 'true');

// ---- The server of documents

/** Between the site and MongoDB's wire: a line that can be cut and held, so that what is stored outlives it. */
class Line {
    constructor(to) {
        this.pairs = new Set();
        this.server = net.createServer((from) => {
            const on = net.connect(to.port, to.hostname), pair = [from, on];
            this.pairs.add(pair);
            from.on('data', (bytes) => { this.held ? this.held.push([on, bytes]) : on.write(bytes); });
            on.pipe(from);
            for (const end of pair)
                end.on('error', () => {}).on('close', () => { pair.forEach((e) => e.destroy()); this.pairs.delete(pair); });
        });
    }
    open() {
        return new Promise((resolve) => { this.server.listen(this.port ?? 0, '127.0.0.1', () => { this.port = this.server.address().port; resolve(); }); });
    }
    stop() {
        const end = new Promise((resolve) => { this.server.close(resolve); });
        for (const [from] of this.pairs)
            from.destroy();
        return end;
    }
    hold() {
        this.held = [];
        const kill = () => {
            const held = this.held ?? [];
            this.held = null;
            for (const [on, bytes] of held)
                on.write(bytes);
        };
        holders.add({ kill });
        return kill;
    }
}

const engines = {
    postgresql: { setting: 'postgresql', ...atDocument,
        stop: () => server('stop', 'postgres'), start: () => server('start', 'postgres') },
};
let documents = engines.postgresql;

/** MongoDB's wire, behind a line. */
async function mongo() {
    const url = new URL(TEST_MONGO), line = new Line(url);
    await line.open();
    return { setting: `mongodb://127.0.0.1:${line.port}${url.pathname}`, hold: () => line.hold(),
        reached: () => until(() => line.held.length > 0, 'somebody at a document'),
        stop: () => line.stop(), start: () => line.open() };
}

async function use(engine) {
    documents = engine;
    await configure({ docs: engine.setting }, 'serve', 'work');
    await readyz();
}

// ---- nginx

async function nginxDies() {
    const bytes = picture(), form = multipart([['file', bytes, 'a.png']]);
    const one = slow('POST', '/api/v2/media', { ...form.headers, 'content-length': form.body.length });
    const id = await begin(bytes);
    equal('a piece comes', (await piece(id, bytes.subarray(0, 90000), 0)).status, 200);
    const two = slow('PATCH', `${OWN}/uploads/${id}`, { 'content-type': 'application/octet-stream', 'upload-offset': '90000', 'content-length': bytes.length - 90000 });
    await until(() => inFolder('incoming').length === 0, 'an empty folder of incoming files');
    one.req.write(form.body.subarray(0, 100000));
    two.req.write(bytes.subarray(90000, 190000));
    await until(() => inFolder('incoming').length === 2, 'the beginnings of two bodies');
    await killNginx();
    equal('whoever sends hears of it', [await one.answer, await two.answer], [0, 0]);
    await nginxAgain();
    acknowledged('the whole file, sent again,', await whole(bytes), bytes);
    equal('what was cut off never came', await offsetOf(id), 90000);
    equal('the upload goes on from its offset', (await piece(id, bytes.subarray(90000), 90000)).status, 200);
    acknowledged('an upload that nginx died in', await complete(id), bytes);
}

async function nginxDiesAboveAWorker() {
    const bytes = picture(), id = await begin(bytes);
    let release = await hold(`SELECT FROM media.uploads WHERE id = ${id} FOR UPDATE`);
    let answer = piece(id, bytes.subarray(0, 120000), 0);
    await waiting('UPDATE uploads SET here');
    await killNginx();
    equal('nobody hears how it went', (await answer).status, 0);
    await release();
    await nginxAgain();
    await until(async () => await offsetOf(id) === 120000, 'the piece whose worker lived on');
    equal('the rest follows', (await piece(id, bytes.subarray(120000), 120000)).status, 200);
    release = await places.beginning.hold();
    answer = complete(id);
    await places.beginning.reached();
    await killNginx();
    await release();
    equal('nor of the end', (await answer).status, 0);
    await nginxAgain();
    acknowledged('the end, said again,', await until(async () => {
        const again = await complete(id);
        return again.status !== 409 && again; // while the worker is still at it
    }, 'the end of an upload'), bytes);
}

// ---- Workers

/** Workers are killed when the request that `send` makes has come to a place; gives its answer. */
async function killedAt(place, send) {
    const release = await places[place].hold();
    const answer = send();
    await places[place].reached();
    killHandlers();
    const { status } = await answer;
    await release();
    await handlersAnew();
    check(`whoever is cut off at the ${place} is told`, status >= 500, status);
}

async function handlersDieAt(place) {
    const bytes = picture(1500000); // more than what is no upload may have, and still not called too large
    await killedAt(place, () => whole(bytes));
    acknowledged(`a whole file cut off at its ${place} and sent again`, await whole(bytes), bytes);

    const other = picture(), id = await begin(other);
    await piece(id, other, 0);
    await killedAt(place, () => complete(id));
    equal(`an upload cut off at its ${place} becomes the medium of its number`, acknowledged('its end', await complete(id), other), id);
    const made = (await ada.json('GET', `/api/v1/media/${id}`)).data;
    equal('with its words', made?.description, 'What it shows');
}

/** The worker dies, PostgreSQL is still at its statement, and whoever sends is quick. */
async function handlersDieAndPostgresDoesNot() {
    const bytes = picture(), id = await begin(bytes);
    let release = await hold(`SELECT FROM media.uploads WHERE id = ${id} FOR UPDATE`);
    const first = piece(id, bytes.subarray(0, 120000), 0);
    await waiting('UPDATE uploads SET here');
    killHandlers();
    check('the piece is not acknowledged', (await first).status >= 500);
    await handlersAnew();
    equal('nor does it count', await offsetOf(id), 0);
    const again = piece(id, bytes.subarray(0, 70000), 0);
    await until(() => Number(sql(`SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%UPDATE uploads SET here%'`)) > 1, 'both');
    await release();
    const { status } = await again;
    check('one of both is taken', [200, 409].includes(status), status);
    for (let i = 0; i < 3; i++) // what the row says is held against the file, at worst once
        if ((await piece(id, bytes.subarray(await offsetOf(id)), await offsetOf(id))).status === 200)
            break;
    equal('and the upload goes on', await offsetOf(id), bytes.length);

    release = await places.beginning.hold();
    const cut = complete(id);
    await places.beginning.reached();
    killHandlers();
    check('the end is not acknowledged', (await cut).status >= 500);
    await handlersAnew();
    const said = complete(id);
    await waiting('SET version = -1');
    await release();
    equal('it came to its end after all', acknowledged('said again, it', await said, bytes), id);
    equal('with its words', (await ada.json('GET', `/api/v1/media/${id}`)).data?.description, 'What it shows');
}

/** Who waits for a worker and gives up leaves a request whose body is gone, and whose name may be another body's by then. */
async function givenUpBehindWorkers() {
    const bytes = picture(), id = await begin(bytes), workers = childrenOf(pidIn(`${MEDIA}.pid`));
    for (const pid of workers)
        process.kill(pid, 'SIGSTOP');
    const one = slow('PATCH', `${OWN}/uploads/${id}`, { 'content-type': 'application/octet-stream', 'upload-offset': '0', 'content-length': 100000 });
    one.req.end(bytes.subarray(0, 100000));
    const name = await until(() => inFolder('incoming').find((n) => statSync(path.join(spool, 'incoming', n)).size === 100000), 'a whole body');
    const body = path.join(spool, 'incoming', name), { uid, gid } = statSync(body);
    one.req.destroy();
    await until(() => !existsSync(body), 'nginx to give up');
    writeFileSync(body, Buffer.alloc(100000, 'x'));
    chownSync(body, uid, gid);
    for (const pid of workers)
        process.kill(pid, 'SIGCONT');
    for (let i = 0; i < 4; i++) // behind it, in each worker
        equal('nothing of another body is taken', await offsetOf(id), 0);
    rmSync(body);
    equal('the upload goes on', (await piece(id, bytes, 0)).status, 200);
    acknowledged('it', await complete(id), bytes);
}

/** Sends until it is taken, as a patient client does. */
async function patiently(what, send) {
    return until(async () => {
        const answer = await send();
        return [200, 202].includes(answer.status) && answer;
    }, what, SECONDS);
}

async function handlersDieUnderLoad() {
    let on = true, kills = 0;
    const killer = (async () => {
        for (; on && kills < 6; kills++) {
            const before = answers;
            await until(() => !on || answers > before + 3, 'some answers', SECONDS);
            if (!on)
                break;
            killHandlers();
        }
    })();
    const wholes = Array.from({ length: 6 }, async () => {
        const bytes = picture(400000);
        acknowledged('a whole file', await patiently('a whole file', () => whole(bytes)), bytes);
    });
    const pieces = Array.from({ length: 6 }, async () => {
        const bytes = picture(400000);
        const id = (await patiently('a beginning', async () => {
            const answer = await askJson('POST', `${OWN}/uploads`, { size: bytes.length, sha256: sha256(bytes) });
            return { status: answer.status === 201 ? 200 : answer.status, id: answer.status === 201 && answer.json().id };
        })).id;
        let far = 0;
        for (let at = 0; at < bytes.length;) {
            const answer = await ask('GET', `${OWN}/uploads/${id}`);
            if (answer.status !== 200)
                continue;
            at = answer.json().offset;
            check('what was acknowledged is never lost', at >= far, `${at} after ${far}`);
            const added = at < bytes.length ? await piece(id, bytes.subarray(at, at + 60000), at) : {};
            far = added.status === 200 ? added.json().offset : at;
        }
        acknowledged('an upload in pieces', await patiently('an end', () => complete(id)), bytes);
    });
    await Promise.all([...wholes, ...pieces]);
    on = false;
    await killer;
    await handlersAnew(); // some may be about to start, and have what comes next wait or fail
    check('they were killed meanwhile', kills > 2, kills);
}

// ---- The server of documents

let film;

/** A film that takes a while to transcode. */
function slowFilm() {
    film ??= path.join(TEST_DIR, 'slow.mp4');
    if (!existsSync(film))
        execFileSync('ffmpeg', ['-v', 'error', '-y', '-f', 'lavfi', '-i', 'testsrc2=s=1280x720:r=30:d=4', '-c:v', 'mpeg4', '-q:v', '8', film]);
    return Buffer.concat([readFileSync(film), Buffer.from(String(colour++))]);
}

async function documentsGoAway() {
    const bytes = slowFilm(), still = picture(), more = picture();
    const id = await begin(still);
    await piece(id, still, 0);
    const film = acknowledged('a film', await whole(bytes), bytes);
    await until(() => inFolder('work').some((name) => name.startsWith(`${film}-`)), 'a worker at the film', SECONDS);
    await documents.stop();
    for (const [what, answer] of [['a whole file', await whole(more)], ['the end of an upload', await complete(id)]])
        equal(`${what} is refused for a while`, [answer.status, Number(answer.header('retry-after')) > 0], [503, true]);
    // The film is done, and its worker finds nobody to tell.
    await until(() => !inFolder('work').some((name) => name.startsWith(`${film}-`)), 'the end of an attempt', SECONDS);
    await documents.start();
    await readyz();
    const answer = await patiently('the end of an upload', () => complete(id));
    equal('what had come is still there', acknowledged('an upload that no document was to be had for', answer, still), id);
    acknowledged('a whole file, too,', await patiently('a whole file', () => whole(more)), more);
    check('the film becomes ready', await isReady(film));
}

/** The worker has made all, and is about to say so. */
async function postgresStopsAtTheEnd() {
    const bytes = picture();
    const id = acknowledged('a picture', await whole(bytes), bytes);
    await isReady(id);
    const release = await end.hold();
    sql(`UPDATE media.items SET due_at = now() WHERE id = ${id}`); // to be made once more
    await end.reached();
    await server('stop', 'postgres');
    await release();
    await server('start', 'postgres');
    await readyz();
    await until(() => sql(`SELECT lease IS NULL AND due_at IS NULL AND state = 1 FROM media.items WHERE id = ${id}`) === 't', 'its end', SECONDS);
}

// ---- What is left

/** Regular files below a folder. */
function allFiles(folder) {
    return !existsSync(folder) ? [] : readdirSync(folder, { withFileTypes: true, recursive: true }).filter((e) => e.isFile())
        .map((e) => path.join(e.parentPath ?? e.path, e.name));
}

async function nothingIsLostOrLeft() {
    for (const [id, hash] of kept) {
        check(`${id} is ready`, await isReady(id));
        equal('and what was sent is kept', sql(`SELECT substr(key, 1, 64) FROM media.files WHERE media_id = ${id} AND name = 'original'`), hash);
    }
    const posted = [...kept.keys()];
    for (let i = 0; i < posted.length; i += 4)
        equal('they are shown in a post', (await ada.json('POST', '/api/v1/statuses', { status: `Pictures ${i}`, media_ids: posted.slice(i, i + 4) })).status, 200);
    // Two days later.
    sql(`UPDATE media.items SET changed_at = now() - interval '2 days' WHERE target_id IS NULL;
        UPDATE media.uploads SET changed_at = now() - interval '2 days';
        UPDATE media.blobs SET created_at = now() - interval '2 days'`);
    for (const file of [...allFiles(spool), ...allFiles(path.join(TEST_SITE, 'media'))])
        utimesSync(file, statSync(file).atime, new Date(Date.now() - 2 * 86400000));
    await deeplink('media', 'sweep');
    equal('nothing lies in the spool', allFiles(spool), []);
    equal('no upload is left', sql('SELECT count(*) FROM media.uploads'), '0');
    equal('and no medium but those', sql('SELECT id FROM media.items ORDER BY id').split('\n'), [...posted].sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1)));
    await until(() => sql('SELECT count(*) FROM media.unsettled') === '0', 'a store that has been told', SECONDS);
    const stored = allFiles(files);
    equal('the store has what the rows name', stored.map((f) => path.basename(f)).sort(), sql('SELECT key FROM media.blobs ORDER BY key COLLATE "C"').split('\n'));
    equal('and all of it is needed', sql('SELECT count(*) FROM media.blobs b WHERE NOT EXISTS (SELECT FROM media.files f WHERE f.key = b.key)'), '0');
    for (const file of stored)
        check('each file is whole', path.basename(file).startsWith(sha256(readFileSync(file))), file);
}

// ---- All of it

/** A part, that leaves nothing held when it fails. */
async function scene(name, fn) {
    await part(name, fn);
    for (const holder of holders)
        holder.kill();
    holders.clear();
}

await scene('nginx is killed', nginxDies);
await scene('nginx is killed above a worker', nginxDiesAboveAWorker);
await scene('workers are killed, and PostgreSQL goes on', handlersDieAndPostgresDoesNot);
await scene('who waits for a worker gives up', givenUpBehindWorkers);
await scene('workers are killed under load', handlersDieUnderLoad);
await scene('PostgreSQL is stopped before a worker can say that all is made', postgresStopsAtTheEnd);
engines.mongodb = await mongo();
if (TEST_SHAPE !== 'single')
    delete engines.postgresql; // the shape is of no matter to the engine: one of them there
for (const [name, engine] of Object.entries(engines)) {
    await scene(`documents in ${name}`, () => use(engine));
    for (const place of Object.keys(places))
        await scene(`workers are killed at the ${place}, ${name}`, () => handlersDieAt(place));
    await scene(`${name} goes away while a film is made`, documentsGoAway);
}
await scene('nothing is lost, and nothing left', nothingIsLostOrLeft);

await finish();
