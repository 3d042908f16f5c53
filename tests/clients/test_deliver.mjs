// What leaves the site, as those see it who get it: mails at a real SMTP server, pushes at an endpoint that decrypts them,
// calls of webhooks whose signature is checked; and that each goes out once, whoever is killed on the way.
// harness: alone
// harness: set mail_delay_s = 0
// harness: set mail_window_s = 0
// harness: set outbound_private = yes
import { execFileSync, spawn } from 'node:child_process';
import crypto from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { createInterface } from 'node:readline';
import { createRestAPIClient } from 'masto';
import { BASE, check, Client, configure, equal, finish, member, part, server, sleep, token, until } from '../http/lib.mjs';

const { TEST_ROOT, TEST_PG_ADMIN } = process.env;
const sql = (text) => execFileSync('psql', ['-X', '-A', '-t', '-q', '-d', TEST_PG_ADMIN, '-c', text], { encoding: 'utf8' }).trim();
const own = '/api/deeplink/v1';

// ---- the other sides -------------------------------------------------------------------------------------------------

const mails = [];
async function startSmtp() {
    const child = spawn(`${TEST_ROOT}/tests/.venv/bin/python`, [`${TEST_ROOT}/tests/clients/lib_smtp.py`], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout });
    const first = once(lines, 'line');
    lines.on('line', (line) => {
        const what = JSON.parse(line);
        if (what.does)
            lines.emit('does');
        else if (what.data !== undefined)
            mails.push(parse(what));
    });
    const say = (words) => Promise.all([once(lines, 'does'), child.stdin.write(words + '\n')]);
    return { port: JSON.parse((await first)[0]).port, say, end: () => child.kill() };
}

const decode = (text) => Buffer.from(text.replace(/=\r?\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16))), 'latin1').toString();
function parse(mail) {
    const [, head, body] = /^([\s\S]*?)\r?\n\r?\n([\s\S]*)$/.exec(mail.data);
    const headers = Object.fromEntries(head.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/).map((line) => {
        const [, name, value] = /^([^:]+): ?(.*)$/.exec(line);
        return [name.toLowerCase(), value];
    }));
    const boundary = /boundary="([^"]+)"/.exec(headers['content-type'])?.[1];
    const parts = boundary ? body.split(`--${boundary}`).slice(1, -1).map((piece) => {
        const [, partHead, partBody] = /^\r?\n([\s\S]*?)\r?\n\r?\n([\s\S]*)$/.exec(piece);
        return { type: /content-type: ([^;\r\n]+)/i.exec(partHead)[1], text: /quoted-printable/i.test(partHead) ? decode(partBody) : partBody };
    }) : [];
    return { to: mail.to[0], headers, text: parts.find((p) => p.type === 'text/plain')?.text, html: parts.find((p) => p.type === 'text/html')?.text };
}
const mailTo = (who, from = 0) => until(() => mails.slice(from).find((m) => m.to === `${who}@example.org`), `a mail to ${who}`);

// One server for pushes and webhooks; what it answers is a function of the path.
// `slow` ones are answered so many ms later, by 0 never.
const calls = [], answers = new Map(), slow = new Map();
const listener = http.createServer((req, res) => {
    const pieces = [];
    req.on('data', (piece) => pieces.push(piece));
    req.on('end', () => {
        const call = { path: req.url, headers: req.headers, body: Buffer.concat(pieces), over: false };
        calls.push(call);
        res.on('close', () => { call.over = true; });
        const [status, headers] = answers.get(req.url) ?? [201, {}], wait = slow.get(req.url);
        if (wait === undefined)
            res.writeHead(status, headers).end();
        else if (wait > 0)
            setTimeout(() => res.writeHead(status, headers).end(), wait);
    });
});
await new Promise((resolve) => { listener.listen(0, '127.0.0.1', resolve); });
const there = (path) => `http://127.0.0.1:${listener.address().port}${path}`;
const callTo = (path, from = 0) => until(() => calls.slice(from).find((c) => c.path === path), `a call of ${path}`);

const smtp = await startSmtp();
await configure({ mail: `smtp://127.0.0.1:${smtp.port}` }, 'work');

const boss = await member('boss', { role: 'admin' }), ben = await member('ben');
const bossToken = await token('boss', 'read write follow push admin:read admin:write'), benToken = await token('ben', 'read write follow push');
const plain = new Client();
const mention = (who, text = 'a word of tea') => plain.json('POST', '/api/v1/statuses', { status: `${[].concat(who).map((w) => `@${w}`).join(' ')} ${text}` }, { token: bossToken });
const api = (method, path, body, options = {}) => plain.json(method, own + path, body, { token: benToken, ...options });

// ---- mails -----------------------------------------------------------------------------------------------------------

await part('a mail at a real server', async () => {
    await mention('ben', 'Grüße & <b>tea</b>');
    const mail = await mailTo('ben');
    equal('its subject', mail.headers.subject, 'boss mentioned you');
    check('it has both parts', mail.text && mail.html);
    check('the text says who and what', mail.text.includes('boss mentioned you') && mail.text.includes('@ben Grüße & <b>tea</b>'), mail.text);
    check('the HTML escapes it', mail.html.includes('Grüße &amp; &lt;b&gt;tea&lt;/b&gt;') && !mail.html.includes('<b>tea'), mail.html);
    check('nothing is fetched from anywhere', !/<(img|link|script|iframe)|url\(|@import/i.test(mail.html));
    equal('one click', mail.headers['list-unsubscribe-post'], 'List-Unsubscribe=One-Click');
    check('both name the way out', mail.text.includes('/unsubscribe/') && mail.html.includes('/unsubscribe/'));
    check('no program answers it', mail.headers['auto-submitted'] === 'auto-generated');

    const way = new URL(/^<(.*)>$/.exec(mail.headers['list-unsubscribe'])[1]).pathname;
    const stranger = new Client();
    const page = await stranger.get(way);
    check('GET asks first, signed out', page.status === 200 && page.form(way), page.status);
    equal('nothing has happened by that', (await api('GET', '/me/notification-preferences')).data.types.mention.includes('email'), true);
    const done = await plain.request('POST', way, { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'List-Unsubscribe=One-Click' });
    equal('POST ends it at once, without cookie, token or redirect', done.status, 200);
    check('no kind is mailed any more', Object.values((await api('GET', '/me/notification-preferences')).data.types).every((ways) => !ways.includes('email')));
    equal('again is the same', (await stranger.post(way)).status, 200);
    equal('a token that was changed', (await stranger.get(way.slice(0, -3) + 'AAA')).status, 404);
    const before = mails.length;
    await mention('ben');
    await until(() => sql("SELECT max(id) FROM notifications.notifications WHERE kind = 1") !== '', 'the notification');
    await sleep(1500);
    equal('and no mail comes', mails.length, before);
});

await part('a server that says no', async () => {
    const cat = await member('cat');
    check('a member', cat);
    await smtp.say('later');
    await mention('cat');
    await until(() => sql("SELECT attempts FROM notifications.outgoing WHERE channel = 'email' AND state = 0 AND why LIKE '%451%'") === '1', 'an attempt');
    await smtp.say('ok');
    sql("UPDATE notifications.outgoing SET due_at = now() WHERE state = 0");
    await mailTo('cat');
    await smtp.say('never');
    await mention('cat');
    await until(() => sql("SELECT count(*) FROM notifications.outgoing WHERE state = 3 AND why LIKE '%550%'") === '1', 'that it is given up');
    await smtp.say('ok');
});

// ---- preferences -----------------------------------------------------------------------------------------------------

await part('preferences', async () => {
    const path = '/me/notification-preferences';
    const first = await api('GET', path);
    equal('they are there', first.status, 200);
    const etag = first.headers.etag;
    equal('without If-Match', (await api('PUT', path, { digest_hour: 9 })).status, 428);
    equal('by another state', (await api('PUT', path, { digest_hour: 9 }, { headers: { 'if-match': '"x"' } })).status, 412);
    const put = await api('PUT', path, { types: { mention: ['inapp', 'push', 'email'], like: ['off'] }, quiet_hours: { on: true, from: '23:00', to: '06:30' },
        time_zone: 'Europe/Berlin', caps: { hour: 100, day: 200 }, digest_hour: 9 }, { headers: { 'if-match': etag } });
    equal('changed', put.status, 200);
    equal('as said', [put.data.types.mention.join(), put.data.types.like.join(), put.data.quiet_hours.from, put.data.time_zone, put.data.caps.day, put.data.digest_hour].join(' '),
        'inapp,push,email off 23:00 Europe/Berlin 200 9');
    equal('the old state is old', (await api('PUT', path, { digest_hour: 9 }, { headers: { 'if-match': etag } })).status, 412);
    const wrong = await api('PUT', path, { time_zone: 'Mars/Olympus', quiet_hours: { from: '25:00' }, types: { like: ['pigeon'] } }, { headers: { 'if-match': put.headers.etag } });
    equal('what is wrong', wrong.status, 422);
    check('is named', wrong.html.includes('quiet_hours[from]') && wrong.html.includes('types[like]'), wrong.html);
    equal('and changes nothing', (await api('GET', path)).headers.etag, put.headers.etag);
    equal('strangers', (await plain.json('GET', own + path)).status, 401);
    equal('a token without the scope', (await plain.json('GET', own + path, undefined, { token: await token('ben', 'read:statuses') })).status, 403);

    let page = await ben.get('/settings/notifications');
    check('the page says the same', page.status === 200 && page.html.includes('value="Europe/Berlin"'));
    const form = page.form('/settings/notifications');
    page = await ben.submit(form, { mail_like: 'daily', quiet: undefined, hour_cap: '50' });
    check('saved without script', page.status === 200 && page.text.includes('Saved.'), page.text.slice(0, 200));
    equal('the API knows', (await api('GET', path)).data.types.like.join(), 'digest');
    equal('quiet hours are off', (await api('GET', path)).data.quiet_hours.on, false);
    page = await ben.submit(page.form('/settings/notifications'), { time_zone: 'Nowhere', app_follow: undefined });
    check('a wrong one is shown again, as it was typed', page.status === 422 && page.html.includes('value="Nowhere"') && page.text.includes('There is no such time zone'), page.status);
    equal('for members', (await plain.get('/settings/notifications', { follow: false })).status, 303);
});

// ---- Web Push --------------------------------------------------------------------------------------------------------

function device() {
    const ecdh = crypto.createECDH('prime256v1');
    ecdh.generateKeys();
    return { ecdh, auth: crypto.randomBytes(16), keys: { p256dh: ecdh.getPublicKey('base64url'), auth: undefined } };
}
const hmac = (key, data) => crypto.createHmac('sha256', key).update(data).digest();
const open = (key, nonce, sealed) => {
    const d = crypto.createDecipheriv('aes-128-gcm', key, nonce).setAuthTag(sealed.subarray(-16));
    return Buffer.concat([d.update(sealed.subarray(0, -16)), d.final()]);
};

// RFC 8291 and RFC 8188, from the receiver's side.
function decrypt(d, body) {
    const salt = body.subarray(0, 16), n = body[20], theirs = body.subarray(21, 21 + n), sealed = body.subarray(21 + n);
    const prk = hmac(d.auth, d.ecdh.computeSecret(theirs));
    const ikm = hmac(prk, Buffer.concat([Buffer.from('WebPush: info\0'), d.ecdh.getPublicKey(), theirs, Buffer.from([1])]));
    const key = Buffer.from(crypto.hkdfSync('sha256', ikm, salt, 'Content-Encoding: aes128gcm\0', 16));
    const nonce = Buffer.from(crypto.hkdfSync('sha256', ikm, salt, 'Content-Encoding: nonce\0', 12));
    const plainText = open(key, nonce, sealed);
    return JSON.parse(plainText.subarray(0, plainText.lastIndexOf(2)));
}

// The draft before, as older apps know it.
function decryptLegacy(d, call) {
    const salt = Buffer.from(/salt=([\w-]+)/.exec(call.headers.encryption)[1], 'base64url');
    const theirs = Buffer.from(/dh=([\w-]+)/.exec(call.headers['crypto-key'])[1], 'base64url');
    const ikm = Buffer.from(crypto.hkdfSync('sha256', d.ecdh.computeSecret(theirs), d.auth, 'Content-Encoding: auth\0', 32));
    const context = Buffer.concat([Buffer.from('P-256\0\0\x41'), d.ecdh.getPublicKey(), Buffer.from([0, 65]), theirs]);
    const of = (name, n) => Buffer.from(crypto.hkdfSync('sha256', ikm, salt, Buffer.concat([Buffer.from(`Content-Encoding: ${name}\0`), context]), n));
    const plainText = open(of('aesgcm', 16), of('nonce', 12), call.body);
    return JSON.parse(plainText.subarray(2 + plainText.readUInt16BE(0)));
}

function verifyVapid(authorization, key) {
    const jwt = /(?:t=|WebPush )([\w.-]+)/.exec(authorization)[1], [head, claims, signature] = jwt.split('.');
    const point = Buffer.from(key, 'base64url');
    const jwk = crypto.createPublicKey({ format: 'jwk', key: { kty: 'EC', crv: 'P-256', x: point.subarray(1, 33).toString('base64url'), y: point.subarray(33).toString('base64url') } });
    const good = crypto.verify('sha256', Buffer.from(`${head}.${claims}`), { key: jwk, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'));
    return { good, claims: JSON.parse(Buffer.from(claims, 'base64url')) };
}

const subscription = '/api/v1/push/subscription';
const push = (method, body, t = benToken) => plain.json(method, subscription, body, { token: t });

await part('Web Push to an app', async () => {
    const d = device();
    const wanted = { subscription: { endpoint: there('/push/app'), keys: { p256dh: d.keys.p256dh, auth: d.auth.toString('base64url') }, standard: true }, data: { alerts: { mention: true, favourite: false } } };
    equal('none at first', (await push('GET')).status, 404);
    const made = await push('POST', wanted);
    equal('made', made.status, 200);
    check('as asked', made.data.standard === true && made.data.alerts.mention === true && made.data.alerts.favourite === false && made.data.alerts['admin.report'] === false && made.data.policy === 'all');
    const key = (await plain.json('GET', '/api/v2/instance')).data.configuration.vapid.public_key;
    equal('the key is the site\'s', made.data.server_key, key);
    equal('the same one is read', (await push('GET')).data.id, made.data.id);
    for (const [name, endpoint] of [['no address', 'nonsense'], ['another scheme', 'ftp://127.0.0.1/x'], ['a log-in', 'https://a:b@example.org/']])
        equal(`a bad endpoint: ${name}`, (await push('POST', { ...wanted, subscription: { ...wanted.subscription, endpoint } })).status, 422);
    equal('a bad key', (await push('POST', { ...wanted, subscription: { ...wanted.subscription, keys: { p256dh: 'AAAA', auth: 'AAAA' } } })).status, 422);
    equal('the good one is still there', (await push('GET')).data.id, made.data.id);

    await mention('ben', 'a secret word');
    const call = await callTo('/push/app');
    equal('encrypted as RFC 8291 has it', call.headers['content-encoding'], 'aes128gcm');
    const news = decrypt(d, call.body);
    equal('it says which kind', news.notification_type, 'mention');
    const listed = (await plain.json('GET', '/api/v1/notifications', undefined, { token: benToken })).data;
    if (Array.isArray(listed) && listed.length > 0)
        check('and which one', BigInt(listed[0].id) - BigInt(news.notification_id) < 4096n, `${listed[0].id} ${news.notification_id}`);
    check('no content, no token', !JSON.stringify(news).includes('secret') && !('access_token' in news) && !JSON.stringify(news).includes('boss'), JSON.stringify(news));
    const vapid = verifyVapid(call.headers.authorization, key);
    check('signed by the site', vapid.good);
    equal('for this push service', vapid.claims.aud, new URL(there('/')).origin);
    check('for a day at most', vapid.claims.exp > Date.now() / 1000 && vapid.claims.exp <= Date.now() / 1000 + 86400);
    check('by whom', /^(mailto:|https?:)/.test(vapid.claims.sub));
    check('with a time to live', Number(call.headers.ttl) > 0);

    equal('alerts are changed', (await push('PUT', { data: { alerts: { favourite: true }, policy: 'followed' } })).data.alerts.mention, false);
    let from = calls.length;
    await mention('ben');
    await push('PUT', { data: { alerts: { mention: true }, policy: 'followed' } });
    await mention('ben');
    await push('PUT', { data: { alerts: { mention: true }, policy: 'nonsense' } }).then((a) => equal('a policy that there is not', a.status, 422));
    await sleep(2000);
    equal('neither alerts nor policy let those through', calls.slice(from).filter((c) => c.path === '/push/app').length, 0);

    wanted.subscription.standard = false;
    from = calls.length;
    equal('as older apps ask', (await push('POST', { ...wanted, data: { alerts: { mention: true } } })).data.standard, false);
    await mention('ben');
    const old = await callTo('/push/app', from);
    equal('encrypted by the draft', old.headers['content-encoding'], 'aesgcm');
    equal('it is read', decryptLegacy(d, old).notification_type, 'mention');
    check('and signed', verifyVapid(old.headers.authorization, key).good && old.headers['crypto-key'].includes(`p256ecdsa=${key}`));

    answers.set('/push/app', [503, { 'retry-after': '7200' }]);
    await mention('ben');
    await until(() => sql("SELECT count(*) FROM notifications.outgoing WHERE channel = 'push' AND state = 0 AND due_at > now() + interval '1 hour'") === '1', 'that it is tried later, as asked');
    answers.set('/push/app', [410, {}]);
    sql("UPDATE notifications.outgoing SET due_at = now() WHERE state = 0");
    await until(async () => (await push('GET')).status === 404, 'that the subscription is gone with its endpoint');
    answers.delete('/push/app');

    equal('made again', (await push('POST', wanted)).status, 200);
    equal('taken away', (await push('DELETE')).status, 200);
    equal('gone', (await push('GET')).status, 404);
    equal('nothing to change', (await push('PUT', { data: { alerts: { mention: true } } })).status, 404);

    const short = await token('ben', 'push');
    equal('another token has its own', (await push('POST', { ...wanted, data: { alerts: { mention: true } } }, short)).status, 200);
    equal('this one has none', (await push('GET')).status, 404);
    const tokens = (await api('GET', '/me/access')).data;
    const last = (Array.isArray(tokens) ? tokens : tokens.items).filter((a) => a.token_id).sort((a, b) => Number(BigInt(b.token_id) - BigInt(a.token_id)))[0];
    equal('it is revoked', (await api('DELETE', `/me/access/tokens/${last.token_id}`)).status, 204);
    from = calls.length;
    await mention('ben');
    await until(() => sql('SELECT count(*) FROM notifications.pushes') === '0', 'that its subscription is gone with it');
    equal('and nothing was pushed', calls.slice(from).filter((c) => c.path === '/push/app').length, 0);
    equal('without the scope', (await push('GET', undefined, await token('ben', 'read'))).status, 403);
    equal('strangers', (await plain.json('GET', subscription)).status, 401);
});

await part('by masto.js', async () => {
    const d = device(), masto = createRestAPIClient({ url: BASE, accessToken: benToken });
    const made = await masto.v1.push.subscription.create({ subscription: { endpoint: there('/push/masto'), keys: { p256dh: d.keys.p256dh, auth: d.auth.toString('base64url') }, standard: true },
        data: { alerts: { mention: true }, policy: 'all' } });
    check('made', made.alerts.mention && made.standard && made.serverKey.length === 87);
    const from = calls.length;
    await mention('ben');
    equal('pushed', decrypt(d, (await callTo('/push/masto', from)).body).notification_type, 'mention');
    equal('changed', (await masto.v1.push.subscription.update({ data: { alerts: { follow: true } }, policy: 'follower' })).alerts.mention, false);
    equal('read', (await masto.v1.push.subscription.fetch()).policy, 'follower');
    await masto.v1.push.subscription.remove();
    equal('gone', (await push('GET')).status, 404);
});

await part('Web Push to a browser', async () => {
    const d = device();
    const here = { endpoint: there('/push/browser'), keys: { p256dh: d.keys.p256dh, auth: d.auth.toString('base64url') } };
    equal('a session alone', (await api('POST', '/me/push', here)).status, 403);
    equal('and by its own forms', (await ben.request('POST', `${own}/me/push`, { headers: { 'content-type': 'application/json' }, body: JSON.stringify(here) })).status, 403);
    equal('on', (await ben.call('POST', `${own}/me/push`, here)).status, 200);
    let from = calls.length;
    await mention('ben');
    const news = decrypt(d, (await callTo('/push/browser', from)).body);
    check('what the worker shows', news.title === 'Somebody mentioned you' && typeof news.notification_id === 'string', JSON.stringify(news));
    from = calls.length;
    await ben.post('/logout', { csrf: await ben.csrf() });
    await mention('ben');
    await until(() => sql('SELECT count(*) FROM notifications.pushes') === '0', 'that it ends with the session');
    equal('nothing was pushed', calls.slice(from).filter((c) => c.path === '/push/browser').length, 0);
});

// ---- webhooks --------------------------------------------------------------------------------------------------------

const admin = (method, path, body, options = {}) => plain.json(method, `${own}/admin/webhooks${path}`, body, { token: bossToken, ...options });

await part('webhooks', async () => {
    for (const [who, status, options] of [['members', 403, { token: benToken }], ['strangers', 401, { token: undefined }]]) {
        equal(`not for ${who}: list`, (await admin('GET', '', undefined, options)).status, status);
        equal(`not for ${who}: make`, (await admin('POST', '', { url: there('/hook'), events: ['post.created'] }, options)).status, status);
        for (const [method, path] of [['GET', '/1'], ['DELETE', '/1'], ['POST', '/1/ping'], ['GET', '/1/calls']])
            equal(`not for ${who}: ${method} ${path}`, (await admin(method, path, undefined, options)).status, status);
    }
    equal('nothing chosen', (await admin('POST', '', { url: there('/hook') })).status, 422);
    equal('no such event', (await admin('POST', '', { url: there('/hook'), events: ['post.eaten'] })).status, 422);
    equal('no address', (await admin('POST', '', { url: 'nonsense', events: ['post.created'] })).status, 422);
    const made = await admin('POST', '', { url: there('/hook'), events: ['post.created', 'user.registered'] });
    equal('made', made.status, 201);
    const { id, secret } = made.data;
    check('with its secret', /^whsec_[A-Za-z0-9+/]{43}=$/.test(secret), secret);
    check('which is shown once', !(await admin('GET', `/${id}`)).html.includes('whsec_') && !(await admin('GET', '')).html.includes('whsec_'));
    check('and stands nowhere', !sql('SELECT hooks::text FROM notifications.hooks').includes(secret));

    const good = (call) => {
        const h = call.headers;
        const mac = crypto.createHmac('sha256', Buffer.from(secret.slice(6), 'base64')).update(`${h['webhook-id']}.${h['webhook-timestamp']}.${call.body}`).digest('base64');
        return h['webhook-signature'] === `v1,${mac}` && Math.abs(h['webhook-timestamp'] - Date.now() / 1000) < 60;
    };
    let from = calls.length;
    const post = (await mention('ben', 'not for programs')).data;
    const call = await callTo('/hook', from);
    check('signed', good(call));
    const what = JSON.parse(call.body);
    equal('ids only', JSON.stringify([what.type, what.data]), JSON.stringify(['post.created', { post_id: post.id, author_id: post.account.id }]));
    equal('one number', what.id, call.headers['webhook-id']);

    from = calls.length;
    equal('a test call', (await admin('POST', `/${id}/ping`)).status, 204);
    check('comes', JSON.parse((await callTo('/hook', from)).body).type === 'ping');
    const page = await until(async () => {
        const list = (await admin('GET', `/${id}/calls?limit=1`)).data;
        return list.items[0]?.state === 'done' && list;
    }, 'that it is noted');
    equal('the latest first', page.items[0].event, 'ping');
    check('older ones on the next page', (await admin('GET', `/${id}/calls?limit=1&cursor=${page.next}`)).data.items[0].event === 'post.created');

    const tag = (await admin('GET', `/${id}`)).headers.etag;
    equal('a change without If-Match', (await admin('PUT', `/${id}`, { active: false })).status, 428);
    const off = await admin('PUT', `/${id}`, { active: false }, { headers: { 'if-match': tag } });
    check('switched off', off.status === 200 && off.data.active === false);
    equal('then there is no test call', (await admin('POST', `/${id}/ping`)).status, 409);
    equal('the old state is old', (await admin('PUT', `/${id}`, { active: true }, { headers: { 'if-match': tag } })).status, 412);
    equal('on again', (await admin('PUT', `/${id}`, { active: true }, { headers: { 'if-match': off.headers.etag } })).data.active, true);

    answers.set('/hook', [500, {}]);
    await mention('ben');
    await until(async () => (await admin('GET', `/${id}`)).data.failing_since, 'that it fails');
    await until(() => sql('SELECT count(*) FROM notifications.hook_calls WHERE state = 0 AND attempts = 1 AND status = 500 AND due_at > now()') === '1', 'that it is tried later');
    answers.delete('/hook');
    sql('UPDATE notifications.hook_calls SET due_at = now() WHERE state = 0');
    await until(async () => !(await admin('GET', `/${id}`)).data.failing_since, 'that it works again');
    answers.set('/hook', [500, {}]);
    await mention('ben');
    await until(async () => (await admin('GET', `/${id}`)).data.failing_since, 'that it fails');
    sql("UPDATE notifications.hooks SET failing_since = now() - interval '25 hours'");
    sql('UPDATE notifications.hook_calls SET due_at = now() WHERE state = 0');
    const dead = await until(async () => { const h = (await admin('GET', `/${id}`)).data; return h.disabled_at && h; }, 'that it is switched off after a day');
    equal('it is', dead.active, false);
    answers.delete('/hook');
    const kinds = await until(async () => {
        const log = (await plain.json('GET', `${own}/admin/audit`, undefined, { token: await token('boss', 'admin:read:audit') })).data.items.map((e) => e.kind);
        return log.includes('webhook.disabled') && log;
    }, 'the audit log');
    check('all of it stands in the audit log', ['webhook.made', 'webhook.changed'].every((k) => kinds.includes(k)), kinds.join());
    equal('removed', (await admin('DELETE', `/${id}`)).status, 204);
    equal('gone', (await admin('GET', `/${id}`)).status, 404);
});

await part('the page of webhooks', async () => {
    let page = await boss.get('/admin/webhooks');
    equal('there', page.status, 200);
    page = await boss.submit(page.form('/admin/webhooks'), { url: there('/paged'), 'events[]': 'post.deleted' });
    check('the secret is shown once', /whsec_[A-Za-z0-9+/]{43}=/.test(page.html) && !(await boss.get('/admin/webhooks')).html.includes('whsec_'));
    const path = /\/admin\/webhooks\/\d+/.exec(page.html)[0];
    page = await boss.press(await boss.get(path), `${path}/ping`);
    check('pinged', (await callTo('/paged')) && page.status === 200);
    page = await boss.submit((await boss.get(path)).form(path), { active: undefined, url: 'nonsense' });
    equal('a wrong address is shown again', page.status, 422);
    page = await boss.press(await boss.get(path), `${path}/delete`);
    check('removed', page.text.includes('The webhook is removed.'));
    const again = await member('bea');
    equal('not for members', (await again.get('/admin/webhooks')).status, 403);
    equal('nor its forms', (await again.post('/admin/webhooks', { csrf: await again.csrf(), url: there('/x'), 'events[]': 'post.deleted' })).status, 403);
});

// ---- whoever is slow -------------------------------------------------------------------------------------------------

await part('a server that does not answer holds up no other', async () => {
    const d = device(), names = ['slow', 'quick1', 'quick2'], tokens = {};
    const subscribe = (name) => push('POST', { subscription: { endpoint: there(`/push/${name}`), keys: { p256dh: d.keys.p256dh, auth: d.auth.toString('base64url') }, standard: true },
        data: { alerts: { mention: true } } }, tokens[name]);
    slow.set('/hook/slow', 0).set('/push/slow', 0);
    const hooks = {};
    for (const name of ['slow', 'quick'])
        hooks[name] = (await admin('POST', '', { url: there(`/hook/${name}`), events: ['post.created'] })).data.id;
    for (const name of names) {
        await member(name);
        tokens[name] = await token(name, 'read push');
        await subscribe(name);
    }
    const from = calls.length;
    await mention(names);
    await callTo('/hook/slow', from);
    await callTo('/push/slow', from);
    for (let i = 0; i < 3; i++)
        await mention(names);
    const count = (path) => calls.slice(from).filter((c) => c.path === path).length;
    await until(() => ['/hook/quick', '/push/quick1', '/push/quick2'].every((path) => count(path) === 4), 'all calls of the others');
    check('while the slow ones are waited for', !calls.slice(from).some((c) => slow.has(c.path) && c.over));
    equal('who are called one at a time', [count('/hook/slow'), count('/push/slow')].join(), '1,1');
    equal('nothing twice', calls.slice(from).filter((c) => c.path.startsWith('/push/')).length, 9);
    slow.set('/push/slow', 1500).set('/hook/slow', 1500); /* from the second one on */
    const second = calls.length;
    await until(() => sql("SELECT count(*) FROM notifications.outgoing WHERE channel = 'push' AND state = 2 AND why = 'unknown'") === '1', 'that nobody knows of the slow one');
    await callTo('/push/slow', second);
    await server('stop', 'work'); /* calls are answered meanwhile */
    equal('who stops waits for the answers', sql("SELECT count(*) FROM notifications.outgoing WHERE channel = 'push' AND state = 1"), '0');
    equal('and notes them', sql("SELECT count(*) FROM notifications.outgoing WHERE channel = 'push' AND state = 2 AND why = 'unknown'"), '1');
    slow.clear();
    await server('start', 'work');
    await until(() => count('/push/slow') === 4, 'the rest');
    for (const name of ['slow', 'quick'])
        await admin('DELETE', `/${hooks[name]}`);
});

// ---- whoever is killed -----------------------------------------------------------------------------------------------

const outgoing = (channel) => Number(sql(`SELECT count(*) FROM notifications.outgoing WHERE channel = '${channel}'`));

await part('kill -9 of the worker', async () => {
    const names = Array.from({ length: 12 }, (_, i) => `mm${i}`);
    for (const name of names)
        await member(name);
    const before = mails.length, made = outgoing('email');
    await smtp.say('slow 150');
    await mention(names);
    for (let round = 0; round < 8; round++) {
        await sleep(100 + 90 * round);
        await server('kill', 'work');
        sql("UPDATE notifications.outgoing SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL");
        await server('stop', 'work');
        await server('start', 'work');
    }
    await smtp.say('ok');
    await until(() => outgoing('email') === made + names.length, 'that all of them are to get one');
    sql("UPDATE notifications.outgoing SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL");
    await until(() => sql("SELECT count(*) FROM notifications.outgoing WHERE channel = 'email' AND state = 0") === '0', 'that nothing waits', 60);
    await sleep(500);
    const got = names.map((name) => mails.slice(before).filter((m) => m.to === `${name}@example.org`).length);
    check('nobody got a mail twice', got.every((n) => n <= 1), got.join());
    const unknown = Number(sql("SELECT count(*) FROM notifications.outgoing WHERE channel = 'email' AND state = 1"));
    check('who got none was just being told when the worker died', got.filter((n) => n === 0).length <= unknown, `${got.join()}, ${unknown} unknown`);
    check('and most got theirs', got.filter((n) => n === 1).length >= 6, got.join());
});

await part('kill -9 with pushes under way', async () => {
    const d = device(), names = Array.from({ length: 20 }, (_, i) => `pp${i}`);
    for (const name of names) {
        await member(name);
        slow.set(`/push/${name}`, 150);
        await push('POST', { subscription: { endpoint: there(`/push/${name}`), keys: { p256dh: d.keys.p256dh, auth: d.auth.toString('base64url') }, standard: true },
            data: { alerts: { mention: true } } }, await token(name, 'read push'));
    }
    const from = calls.length, made = outgoing('push');
    await mention(names);
    for (let round = 0; round < 4; round++) {
        await sleep(150 + 90 * round);
        await server('kill', 'work');
        sql("UPDATE notifications.outgoing SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL");
        await server('stop', 'work');
        await server('start', 'work');
    }
    await until(() => outgoing('push') === made + names.length, 'that all of them are to get one');
    await until(() => sql("SELECT count(*) FROM notifications.outgoing WHERE channel = 'push' AND state = 0") === '0', 'that nothing waits', 60);
    await until(() => sql("SELECT count(*) FROM notifications.outgoing WHERE channel = 'push' AND state = 1 AND lease_until > now()") === '0', 'that nothing is under way', 60);
    const got = names.map((name) => calls.slice(from).filter((c) => c.path === `/push/${name}`).length);
    check('nobody got a push twice', got.every((n) => n <= 1), got.join());
    const unknown = Number(sql("SELECT count(*) FROM notifications.outgoing WHERE channel = 'push' AND state = 1"));
    check('who got none was just being told when the worker died', got.filter((n) => n === 0).length <= unknown, `${got.join()}, ${unknown} unknown`);
    check('and most got theirs', got.filter((n) => n === 1).length >= 10, got.join());
});

// ---- in numbers ------------------------------------------------------------------------------------------------------

const metrics = async () => Object.fromEntries([...(await plain.get('/metrics')).html.matchAll(/^deeplink_outgoing_(\w+)\{way="(\w+)"(?:,outcome="(\w+)")?\} ([\d.]+)$/mg)]
    .map(([, name, way, outcome, n]) => [[name, way, outcome].filter(Boolean).join(' '), Number(n)]));

await part('the metrics', async () => {
    const ways = ['email', 'digest', 'push', 'webhook'], first = await metrics();
    const names = ways.flatMap((way) => [`waiting ${way}`, `age_seconds ${way}`, ...['sent', 'failed', 'dropped', 'unknown'].map((outcome) => `total ${way} ${outcome}`)]);
    equal('each of each way', Object.keys(first).sort().join(), names.sort().join());
    check('what went out is counted', ['email', 'push', 'webhook'].every((way) => first[`total ${way} sent`] > 0), JSON.stringify(first));
    check('and what failed', first['total push failed'] > 0 && first['total webhook failed'] > 0 && first['total email failed'] > 0, JSON.stringify(first));
    check('and what nobody knows', first['total push unknown'] > 0, JSON.stringify(first));
    equal('nothing is late', ways.filter((way) => first[`age_seconds ${way}`] > 30).join(), '');

    const hook = (await admin('POST', '', { url: there('/hook/counted'), events: ['post.created'] })).data.id;
    await server('stop', 'work');
    await mention('ben');
    sql(`INSERT INTO notifications.hook_calls (id, hook_id, event_id, event, body, due_at) VALUES (1, ${hook}, 1, 'ping', '{}', now() - interval '100 seconds')`);
    const later = await metrics();
    equal('what waits', later['waiting webhook'], 1);
    check('and for how long', later['age_seconds webhook'] >= 100 && later['age_seconds webhook'] < 160, later['age_seconds webhook']);
    await server('start', 'work');
    await until(async () => (await metrics())['waiting webhook'] === 0 && (await metrics())['total webhook sent'] >= later['total webhook sent'] + 2, 'that both calls are counted');
    await admin('DELETE', `/${hook}`);
});

smtp.end();
listener.close();
await finish();
