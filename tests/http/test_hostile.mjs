// What no browser would send: broken, huge, slow and lying requests, through nginx and straight into the workers' socket; and what
// must not show: one member's things in another's pages, kept pages that are not true any more, who has an account.
// harness: set rate_limits = no
import { readFileSync, readdirSync, existsSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { BASE, Client, PASSWORD, check, deeplink, equal, finish, logIn, member, part, sleep, until } from './lib.mjs';

const base = new URL(BASE), site = process.env.TEST_SITE;
const anonymous = new Client();
let mallory, admin;

// ---- The workers -----------------------------------------------------------------------------------------------------

// Where services live apart, the pool that logs people in is the one that is attacked at its socket.
const apart = process.env.TEST_SHAPE === 'split' ? '-user' : '';
const masterPid = readFileSync(`${site}/serve${apart}.pid`, 'utf8').trim();
const workers = () => readFileSync(`/proc/${masterPid}/task/${masterPid}/children`, 'utf8').trim().split(/\s+/);
// A sanitizer keeps what was freed, and its own books.
const mostMemory = /libasan/.test(readFileSync(`/proc/${workers()[0]}/maps`, 'utf8')) ? 900 * 1024 : 120 * 1024;
const ownMemory = (pid) => +/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1];

/** Runs a part and makes sure that the workers are the same afterwards, and none has grown much. */
async function survives(name, fn) {
    const before = workers();
    await part(name, fn);
    equal(`${name}: the workers are the same`, workers(), before);
    check(`${name}: they have not grown without bound`, workers().every((pid) => ownMemory(pid) < mostMemory), workers().map(ownMemory));
    equal(`${name}: the site answers`, (await anonymous.get('/about')).status, 200);
}

// ---- Raw HTTP --------------------------------------------------------------------------------------------------------

/** Sends bytes; gives { status, head, all } of what came back, status 0 when nothing did. */
function raw(bytes, { pieces = 1, pause = 0, half = false, wait = 3000 } = {}) {
    return new Promise((resolve) => {
        const socket = net.connect(+base.port, base.hostname), got = [];
        const end = () => {
            socket.destroy();
            const all = Buffer.concat(got).toString('latin1'), [head] = all.split('\r\n\r\n');
            resolve({ status: +([...all.matchAll(/^HTTP\/1\.[01] (\d{3})/gm)].map((m) => m[1]).find((s) => s !== '100') ?? 0), head, all });
        };
        socket.setTimeout(wait, end);
        socket.on('error', end).on('close', end).on('data', (d) => {
            got.push(d);
            if (!half && /\r\n\r\n/.test(d.toString('latin1')) && !/^HTTP\/1.1 100/.test(d.toString('latin1')))
                setTimeout(end, 20);
        });
        socket.on('connect', async () => {
            const data = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes, 'latin1'), step = Math.ceil(data.length / pieces);
            for (let at = 0; at < data.length && !socket.destroyed; at += step) {
                socket.write(data.subarray(at, at + step));
                if (pause)
                    await sleep(pause);
            }
            if (half)
                socket.end();
        });
    });
}

const request = (line, headers = [], body = '') => [line, `Host: ${base.host}`, 'Connection: close', ...headers, '', body].join('\r\n');
const fine = (status) => status === 0 || (status >= 200 && status < 500);

async function requestLines() {
    const lines = ['GET', 'GET /', 'GET / HTTP/9.9', 'get / HTTP/1.1', 'GET  /  HTTP/1.1', 'GE\0T / HTTP/1.1', '/ GET HTTP/1.1', 'GET * HTTP/1.1',
        'OPTIONS * HTTP/1.1', 'TRACE / HTTP/1.1', 'CONNECT x:1 HTTP/1.1', 'PUT / HTTP/1.1', 'PATCH /posts HTTP/1.1', 'DELETE /@x HTTP/1.1', 'HEAD / HTTP/1.1',
        'PROPFIND / HTTP/1.1', 'GET http://evil.example/ HTTP/1.1', 'GET //evil.example/%2f.. HTTP/1.1', 'GET /../../etc/passwd HTTP/1.1',
        'GET /..%2f..%2f..%2fetc/passwd HTTP/1.1', 'GET /static/..%2f..%2f/deeplink.conf HTTP/1.1', 'GET /static../deeplink.conf HTTP/1.1',
        'GET /%2e%2e/%2e%2e/ HTTP/1.1', 'GET /%00 HTTP/1.1', 'GET /a%00b HTTP/1.1', 'GET /%ff%fe HTTP/1.1', 'GET /%c0%ae%c0%ae/ HTTP/1.1', 'GET /% HTTP/1.1',
        'GET /%zz HTTP/1.1', 'GET /@%0d%0aSet-Cookie:%20x=y HTTP/1.1', 'GET /?a=%0d%0aX-Evil:%201 HTTP/1.1', 'GET /login?return_to=%0d%0aX-Evil:1 HTTP/1.1',
        'GET /errors/404.html HTTP/1.1', 'GET /index.html HTTP/1.1', 'GET /@x/index.html HTTP/1.1', 'GET /local/ HTTP/1.1', 'GET /local/index.html HTTP/1.1',
        `GET /${'a'.repeat(7000)} HTTP/1.1`, `GET /${'a/'.repeat(3000)} HTTP/1.1`, `GET /?${'a&'.repeat(3500)} HTTP/1.1`, `GET /local?${'max_id=1&'.repeat(700)} HTTP/1.1`,
        'GET /local?max_id[]=1&max_id[]=2 HTTP/1.1', 'GET /local?max_id=%00 HTTP/1.1', 'GET /@a/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18 HTTP/1.1',
        `GET /tags/${'%F0%9F%92%A9'.repeat(300)} HTTP/1.1`, `GET /tags/${'%CC%81'.repeat(1000)} HTTP/1.1`, 'GET /tags/%E2%80%AE HTTP/1.1', 'GET /@ HTTP/1.1', 'GET /@/1 HTTP/1.1',
        'GET /@a%2f1 HTTP/1.1', 'GET /fragment/user/-1 HTTP/1.1', 'GET /fragment/user/9223372036854775807 HTTP/1.1', 'GET /posts/0/likes HTTP/1.1'];
    for (const line of lines)
        for (const answer of [await raw(request(line))]) {
            check(`${line.slice(0, 60)} is answered as the client's fault`, fine(answer.status) || (answer.status === 505 && /9\.9/.test(line)) || (answer.status === 501 && /^PROPFIND/.test(line)), answer.status);
            check(`${line.slice(0, 60)} splits nothing`, !/^(X-Evil|Set-Cookie: x=)/im.test(answer.head), answer.head);
            check(`${line.slice(0, 60)} leaks no file`, !/root:|postgresql_secrets/.test(answer.all));
        }
    check('a foreign Host leads nowhere else', !/evil\.example/.test((await raw(`GET /settings HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n`)).head));
}

async function headers() {
    const big = 'x'.repeat(100_000);
    const lists = [[`X-Big: ${big}`], [`Cookie: ${big}`], [`Cookie: sid=${'1.' + 'A'.repeat(7000)}`], Array.from({ length: 2000 }, (_, i) => `X-${i}: ${i}`),
        [`Cookie: ${Array.from({ length: 900 }, (_, i) => `c${i}=${i}`).join('; ')}`], ['Cookie: sid=1.\xff\xfe\x01'], ['Cookie: =; ;;; =x; sid; sid==; sid=0.x'],
        [`Cookie: sid=-1.${'A'.repeat(43)}`], [`Cookie: sid=99999999999999999999.${'A'.repeat(43)}`], ['Cookie: note=posted'], ['Cookie: note=<script>'], ['Cookie: note=x\x01y'],
        ['Accept-Language: ' + 'de;q=0.5,'.repeat(700)], ['Accept-Language: \xff\xfe;q=99999999999'], ['Accept: ' + '*/*,'.repeat(1500)], ['If-None-Match: ' + '"x",'.repeat(1800)],
        ['Content-Length: -1'], ['Content-Length: 99999999999999999999'], ['Content-Length: 1, 2'], ['Content-Length: 5', 'Content-Length: 6'],
        ['Transfer-Encoding: chunked', 'Content-Length: 3'], ['Transfer-Encoding: gzip'], ['Expect: 100-continue'], ['Range: bytes=0-,0-,0-,0-'], ['Host: two.example'],
        ['X-Forwarded-For: 1.2.3.4', 'X-Real-IP: x'], ['Proxy: http://evil.example'], ['Content-Type: \0'], [' folded: x'], ['No colon'], ['X-Request-Id: \r\tInjected'],
        ['Sec-Fetch-Site: cross-site'], ['X-Requested-With: fetch'], ['X-HTTP-Method-Override: POST'], ['User-Agent: ' + '\xf0\x9f'.repeat(2000)]];
    for (const list of lists)
        for (const target of ['/', '/settings', '/fragment/local']) {
            const answer = await raw(request(`GET ${target} HTTP/1.1`, list), { wait: 1500 });
            check(`${list[0].slice(0, 40)} at ${target}`, fine(answer.status) || (answer.status === 501 && /gzip/.test(list[0])), answer.status);
        }
}

const form = 'application/x-www-form-urlencoded';

async function bodies() {
    const deep = '['.repeat(100_000), nested = `a${'[b]'.repeat(2000)}=1`;
    const part1 = (head, tail = '--x--') => `--x\r\n${head}\r\n\r\nv\r\n${tail}\r\n`;
    const cases = [[form, '%'], [form, '%zz=%'], [form, 'a'.repeat(900_000)], [form, 'a=1&'.repeat(10_000)], [form, 'id=1&'.repeat(10_000)], [form, nested], [form, '\xff\xfe=\xff'],
        [form, 'text=%00&csrf=%00'], [form, 'csrf=\0'], [form, '='.repeat(5000)], ['application/json', deep], ['application/json', `${'{"a":'.repeat(5000)}1`],
        ['application/json', '"\\ud800"'], ['application/json', '{"a":1e99999,"b":-1e-99999}'], ['application/json', `[${'1,'.repeat(10_000)}1]`], ['application/json', '\xef\xbb\xbf{}'],
        ['application/json', 'nul'], ['application/json', '{"a":"\0"}'], ['multipart/form-data', 'x'], ['multipart/form-data; boundary=', '--\r\n'],
        [`multipart/form-data; boundary=${'b'.repeat(200)}`, 'x'], ['multipart/form-data; boundary=x; boundary=y', part1('Content-Disposition: form-data; name="a"')],
        ['multipart/form-data; boundary=x', part1('Content-Disposition: form-data; name="a"', '')], ['multipart/form-data; boundary=x', part1('Content-Disposition: form-data')],
        ['multipart/form-data; boundary=x', part1('Content-Disposition: attachment; name="a"; filename="../../x"')], ['multipart/form-data; boundary=x', part1(`X: ${'y'.repeat(9000)}`)],
        ['multipart/form-data; boundary=x', part1('Content-Disposition: form-data; name="a\0b"')], ['multipart/form-data; boundary=x', '--x\r\n'.repeat(10_000)],
        ['multipart/form-data; boundary=x', part1('Content-Disposition: form-data; name="text"; filename="\xff\xfe"')], ['multipart/form-data; boundary="\\', 'x'],
        ['text/plain', 'x=1'], ['text/xml', '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'], ['', 'x=1'], ['\xff/\xfe', 'x'], ['application/x-protobuf', '\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f']];
    for (const [type, body] of cases)
        for (const target of ['/posts', '/login', '/settings/profile']) {
            const answer = await raw(request(`POST ${target} HTTP/1.1`, [`Content-Type: ${type}`, `Content-Length: ${body.length}`, `Cookie: sid=${mallory.cookies.get('sid')}`], body));
            check(`${type.slice(0, 40)} ${JSON.stringify(body.slice(0, 20))} to ${target}`, fine(answer.status), answer.status);
        }
    equal('more than a body may be', (await raw(request('POST /posts HTTP/1.1', [`Content-Type: ${form}`, 'Content-Length: 3000000'], 'a'.repeat(100)), { wait: 1000 })).status, 413);
    const chunked = await raw(request('POST /login HTTP/1.1', [`Content-Type: ${form}`, 'Transfer-Encoding: chunked'], `5\r\nlogin\r\nffffffffff\r\n`), { wait: 1000, half: true });
    check('a chunk that lies', fine(chunked.status), chunked.status);
    const slow = await Promise.all(Array.from({ length: 40 }, () => raw(request('POST /login HTTP/1.1', [`Content-Type: ${form}`, 'Content-Length: 40'], 'a=1&b=2&c=3'), { pieces: 12, pause: 60, half: true, wait: 2000 })));
    check('forty that never finish', slow.every((a) => fine(a.status)));
    const halves = await Promise.all(Array.from({ length: 60 }, (_, i) => raw(request('GET /local HTTP/1.1').slice(0, 5 + i), { half: true, wait: 1000 })));
    check('sixty that hang up in between', halves.every((a) => fine(a.status)));
    const two = await raw(`GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nGET GET /settings HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, { half: true });
    check('requests behind one another', fine(two.status), two.status);
}

// ---- Every field of every form ---------------------------------------------------------------------------------------

const nasty = ['', '-1', '0', '99999999999999999999', '-9223372036854775808', '9223372036854775808', '9223372036854775807', '1e9', '%00', 'a%00b', '%ff%fe', '%c0%80', '%ed%a0%80',
    `${'A'.repeat(100_000)}`, '%0d%0aSet-Cookie:%20x=y', '../../../../etc/passwd', '{{1337*7331}}{%25%20x%20%25}', "'%20OR%201=1--", '%E2%80%AE%E2%81%A6', '%F0%9F%91%A9%E2%80%8D'.repeat(400),
    '//evil.example', '/%5Cevil.example', '/%09/evil.example', 'javascript:alert(1)', '%CC%81'.repeat(2000), '<script>alert(1)</script>', '%25s%25n%25x'];
const plain = { id: '1', int: '1', bool: '1', path: '/', email: 'x@example.org', handle: 'xx', secret: 'quiet meadow lantern', line: 'x', text: 'x', choice: 'public' };

/** As mallory.request('GET', …) of a path that may answer with a stream, which does not end: its beginning. */
async function beginning(path) {
    const { status, head, all } = await raw(request(`GET ${path} HTTP/1.1`, [`Cookie: sid=${mallory.cookies.get('sid')}`]));
    return { status, html: all, location: /^Location: (.*)$/im.exec(head)?.[1], header: (name) => [...head.matchAll(new RegExp(`^${name}: (.*)$`, 'gim'))].map((m) => m[1]) };
}

async function fields() {
    const routes = JSON.parse(await deeplink('routes', '--json')), token = await mallory.csrf(), wrong = [];
    const own = await write(mallory, 'To be played with');
    for (const { method, pattern, fields: list } of routes) {
        if (/password|\/logout|end-others|\/settings\/email|\/me\/(email|deletion)|\/account\/delete/.test(pattern))
            continue; /* each costs a password hash, or the session */
        const isStream = /^\/live$|streaming/.test(pattern);
        const target = pattern.replace('{id}', own).replace('{handle}', 'mallory').replace(/\{\w+\}/, 'wrong').replace(/(posts\/\d+)\/delete/, '$1/edit');
        for (const field of [...list, { name: 'csrf', kind: 'line' }])
            for (const value of /login|signup/.test(pattern) ? nasty.filter((_, i) => i % 3 === 0) : nasty) {
                const rest = list.filter((f) => f.name !== field.name).map((f) => `${f.name}=${encodeURIComponent(plain[f.kind] ?? 'x')}`);
                const query = [...rest, ...(method === 'POST' && field.name !== 'csrf' ? [`csrf=${token}`] : []), `${field.name}=${value}`].join('&');
                const answer = method === 'GET' ? query.length > 7000 ? null : await (isStream ? beginning(`${target}?${query}`) : mallory.request('GET', `${target}?${query}`))
                    : await mallory.request('POST', target, { headers: { 'content-type': form }, body: query });
                if (answer !== null && (answer.status >= 500 || answer.header('set-cookie')?.some((c) => c.startsWith('x=')) || (answer.location && !/^\/(?![/\\])/.test(answer.location)) ||
                    /<script>alert|9801547|root:x/.test(answer.html)))
                    wrong.push(`${method} ${target} ${field.name}=${value.slice(0, 20)}: ${answer.status} ${answer.location ?? ''}`);
            }
        for (const id of ['0', '-1', '9223372036854775807', '9223372036854775808', '1%00', '%ff', 'a'.repeat(3000)].filter(() => /\{/.test(pattern))) {
            // nginx refuses %00 in a path before it has read the address; no route's statuses say so.
            const answer = id.includes('%00') ? await mallory.send(method, pattern.replace(/\{\w+\}/, id))
                : method === 'GET' ? await mallory.get(pattern.replace(/\{\w+\}/, id), { follow: false })
                : await mallory.post(pattern.replace(/\{\w+\}/, id), { csrf: token }, { follow: false });
            if (answer.status >= 500)
                wrong.push(`${method} ${pattern} with ${id.slice(0, 20)}: ${answer.status}`);
        }
    }
    check('no field of any form breaks anything', wrong.length === 0, wrong.slice(0, 12).join('; '));
    mallory = await logIn('mallory');
}

// ---- Straight into the workers' socket -------------------------------------------------------------------------------

const socketPath = /^listen\s*=\s*unix:(\S+)/m.exec(readFileSync(process.env.TEST_CONFIG, 'utf8'))[1].replace('.sock', `${apart}.sock`);

function record(type, content, { id = 1, version = 1, length = content.length } = {}) {
    const head = Buffer.from([version, type, id >> 8, id & 255, length >> 8, length & 255, 0, 0]);
    return Buffer.concat([head, content]);
}

function pair(name, value, lie) {
    const [n, v] = [Buffer.from(name, 'latin1'), Buffer.from(value, 'latin1')], size = Buffer.alloc(8);
    size.writeUInt32BE((n.length | 0x80000000) >>> 0, 0);
    size.writeUInt32BE(((lie ?? v.length) | 0x80000000) >>> 0, 4);
    return Buffer.concat([size, n, v]);
}

const params = (over = {}) => ({ REQUEST_METHOD: 'GET', REQUEST_URI: '/about', QUERY_STRING: '', CONTENT_TYPE: '', CONTENT_LENGTH: '', REMOTE_ADDR: '127.0.0.1',
    REQUEST_ID: 'x1', HTTP_HOST: base.host, ...over });

function stream(type, data) {
    const records = [];
    for (let at = 0; at < data.length; at += 60000)
        records.push(record(type, data.subarray(at, at + 60000)));
    return Buffer.concat([...records, record(type, Buffer.alloc(0))]);
}

const begin = record(1, Buffer.from([0, 1, 0, 0, 0, 0, 0, 0]));
const whole = (over, body = '') => Buffer.concat([begin, stream(4, Buffer.concat(Object.entries(params(over)).map(([k, v]) => pair(k, v)))), stream(5, Buffer.from(body, 'latin1'))]);

function toWorker(bytes, { wait = 3000 } = {}) {
    return new Promise((resolve) => {
        const socket = net.connect(socketPath), got = [];
        const end = () => {
            socket.destroy();
            const all = Buffer.concat(got), out = [];
            for (let at = 0; at + 8 <= all.length; at += 8 + all.readUInt16BE(at + 4) + all[at + 6])
                if (all[at + 1] === 6)
                    out.push(all.subarray(at + 8, at + 8 + all.readUInt16BE(at + 4)));
            const text = Buffer.concat(out).toString('utf8');
            resolve({ status: +(/^Status: (\d{3})/m.exec(text)?.[1] ?? 0), text, cookies: [...text.matchAll(/^Set-Cookie: ([^=]+)=([^;\r]*)/gm)] });
        };
        socket.setTimeout(wait, end);
        socket.on('error', end).on('close', end).on('data', (d) => got.push(d));
        socket.end(bytes);
    });
}

async function gateway() {
    equal('a right request', (await toWorker(whole({}))).status, 200);
    const cases = { 'no address': { REQUEST_URI: '' }, 'no slash': { REQUEST_URI: 'x' }, 'NUL in the path': { REQUEST_URI: '/a\0b' }, 'line ends in the path': { REQUEST_URI: '/a\r\nb' },
        'dots': { REQUEST_URI: '/../x' }, 'long path': { REQUEST_URI: `/${'a'.repeat(200_000)}` }, 'long query': { QUERY_STRING: 'a=1&'.repeat(50_000) }, 'no method': { REQUEST_METHOD: '' },
        'wrong length': { CONTENT_LENGTH: '-5' }, 'letters as length': { CONTENT_LENGTH: 'x' }, 'huge length': { CONTENT_LENGTH: '9223372036854775807' },
        'more than there is': { CONTENT_LENGTH: '100' }, 'request id': { REQUEST_ID: 'x\r\nSet-Cookie: a=b' }, 'long id': { REQUEST_ID: 'x'.repeat(5000) },
        '100 kB of a header': { HTTP_X: 'x'.repeat(100_000) }, '100 kB of cookies': { HTTP_COOKIE: 'a=b; '.repeat(20_000) }, 'address': { REMOTE_ADDR: '\xff'.repeat(500) },
        'address with spaces': { REMOTE_ADDR: '1 2 3\r\n' }, 'agent': { HTTP_USER_AGENT: '\0\xff'.repeat(5000), HTTP_COOKIE: `sid=${mallory.cookies.get('sid')}` },
        'languages': { HTTP_ACCEPT_LANGUAGE: 'xx-'.repeat(20_000) } };
    for (const [name, over] of Object.entries(cases)) {
        const answer = await toWorker(whole(over));
        check(`${name} is answered`, answer.status >= 200 && answer.status < 500, answer.status);
        check(`${name} splits nothing`, !/^Set-Cookie: a=b/m.test(answer.text));
    }
    equal('an unknown method', (await toWorker(whole({ REQUEST_METHOD: 'G T' }))).status, 501);
    equal('more than it says', (await toWorker(whole({ REQUEST_METHOD: 'POST', CONTENT_LENGTH: '2', CONTENT_TYPE: form }, 'a=1&b=2'))).status, 400);
    equal('200 answers on one socket path, in turn', (await Promise.all(Array.from({ length: 200 }, () => toWorker(whole({}))))).filter((a) => a.status !== 200).length, 0);
}

/** The same bytes at each run, so that what breaks can be repeated. */
function dice(seed) {
    return (n) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
}

async function brokenRecords() {
    const good = whole({ REQUEST_METHOD: 'POST', REQUEST_URI: '/login', CONTENT_TYPE: form, CONTENT_LENGTH: '7' }, 'a=1&b=2'), roll = dice(42);
    const lies = [Buffer.alloc(0), Buffer.alloc(8), Buffer.alloc(100_000, 0xff), record(4, pair('A', 'b')), record(9, Buffer.from([1, 2])), record(11, Buffer.alloc(8)),
        Buffer.concat([begin, begin, begin]), Buffer.concat([begin, record(2, Buffer.alloc(0))]), Buffer.concat([begin, record(4, pair('A', 'b', 0x7fffffff))]),
        Buffer.concat([begin, record(4, pair('A', 'b', 0x7ffffff0)), stream(5, Buffer.alloc(0))]), Buffer.concat([begin, record(4, Buffer.alloc(60000, 0x80)), record(4, Buffer.alloc(0))]),
        Buffer.concat([begin, record(4, pair('A', 'b'), { length: 65535 })]), Buffer.concat([begin, record(4, pair('A', 'b'), { id: 7 })]), record(1, Buffer.from([0, 9, 0, 0, 0, 0, 0, 0])),
        Buffer.concat([begin, stream(4, Buffer.concat(Array.from({ length: 20_000 }, (_, i) => pair(`HTTP_${i}`, 'x'))))])];
    for (const bytes of lies)
        await toWorker(bytes, { wait: 500 });
    for (let i = 0; i < 600; i += 20)
        await Promise.all(Array.from({ length: 20 }, (_, k) => {
            const bytes = Buffer.from(good.subarray(0, k % 3 === 0 ? roll(good.length) : good.length));
            for (let flips = 1 + roll(6); flips > 0 && bytes.length > 0; flips--)
                bytes[roll(bytes.length)] = roll(256);
            return toWorker(bytes, { wait: 400 });
        }));
    const idle = Array.from({ length: 2 }, () => net.connect(socketPath));
    await sleep(300);
    idle.forEach((socket) => socket.destroy());
    equal('and it goes on', (await toWorker(whole({}))).status, 200);
}

// ---- Nothing of one member in another's pages ------------------------------------------------------------------------

async function write(client, text, more = {}) {
    const answer = await client.act('/posts', { text, audience: 'public', return_to: '', ...more }, { follow: false });
    if (answer.status !== 303)
        throw new Error(`not written: ${answer.status} ${answer.text.slice(0, 200)}`);
    return /(\d+)$/.exec(answer.location)?.[1] ?? (await client.get(`/@${client.handle}`)).tags('article')[0].id.slice(1);
}

async function interleaved() {
    const pages = ['/', '/local', '/settings', '/settings/account', '/settings/sessions', '/settings/privacy', '/settings/activity', '/bookmarks', '/likes', '/compose', '/network',
        '/nothing_here', '/fragment/home', '/about', '/directory', '/tags', '/settings/appearance'];
    const two = [await member('zaphod_one', { name: 'Zaphod Beeble' }), await member('marvin_two', { name: 'Marvin Android' })];
    const marks = [['zaphod_one', 'Zaphod Beeble', 'heartofgold'], ['marvin_two', 'Marvin Android', 'lifedontalk']];
    const idOf = async (asker, handle) => /\/members\/(\d+)\//.exec((await asker.get(`/@${handle}`)).html)[1];
    await two[0].act(`/members/${await idOf(two[0], 'marvin_two')}/block`);
    const tokens = [new Set(), new Set()], wrong = [];
    const loop = async (i, rounds) => {
        for (let n = 0; n < rounds; n++) {
            const target = pages[(n * 7 + i) % pages.length];
            const page = n % 5 === 4 ? await two[i].act('/posts', { text: `${marks[i][2]} ${'x'.repeat(5100)}`, audience: 'public' }) : await two[i].get(target);
            const other = marks[1 - i].find((mark) => page.html.includes(mark));
            for (const [, token] of page.forms.flatMap((f) => f.fields).filter(([name]) => name === 'csrf'))
                tokens[i].add(token);
            if (other)
                wrong.push(`${target}: ${other}`);
        }
    };
    const strangers = async (rounds) => {
        for (let n = 0; n < rounds; n++) {
            const page = await new Client().get(['/', '/local', '/about', '/login'][n % 4]);
            if (/heartofgold|lifedontalk|name="?sid/.test(page.html))
                wrong.push(`a stranger's ${page.url}`);
        }
    };
    await Promise.all([loop(0, 150), loop(1, 150), loop(0, 150), loop(1, 150), strangers(120)]);
    check('1,700 pages of three readers, and nobody in another\'s', wrong.length === 0, wrong.slice(0, 5).join('; '));
    // Each token is good for whose page it stood on, and for nobody else.
    for (const i of [0, 1]) {
        const all = [...tokens[i]], some = all.filter((_, n) => n % Math.ceil(all.length / 25) === 0);
        for (const [who, wanted] of [[i, 303], [1 - i, 403]])
            for (const csrf of some)
                equal('a token of one reader\'s page', (await two[who].post('/settings/appearance', { csrf, theme: 'auto', language: '' }, { follow: false })).status, wanted);
    }
    check('there were tokens', tokens.every((t) => t.size > 0));
}

// ---- Kept pages ------------------------------------------------------------------------------------------------------

const pagesFolder = path.join(site, 'pages');

function keptFiles(folder = pagesFolder) {
    return readdirSync(folder, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? keptFiles(path.join(folder, e.name)) : [path.join(folder, e.name)]));
}

const isKept = (page) => existsSync(path.join(pagesFolder, page === '/' ? '' : page, 'index.html'));

async function notKept() {
    const reader = await member('reader_one'), author = await member('author_one');
    await write(author, 'Followersonlywords #onlytag', { audience: 'followers' });
    const secret = (await author.get('/@author_one')).tags('article')[0].id.slice(1);
    for (const target of ['/', '/local', '/@author_one', '/@author_one/replies', '/tags/onlytag', `/@author_one/${secret}`]) {
        await write(author, 'What removes it where it was kept before');
        await reader.get(target);
        await author.get(target);
        check(`${target}: not what a member sees`, !isKept(target));
        await anonymous.request('GET', target, { headers: { cookie: 'note=logged-out' } });
        check(`${target}: not with a notice`, !isKept(target));
        await anonymous.get(`${target}?max_id=5`);
        await anonymous.request('GET', target, { headers: { 'accept-language': 'de' } });
        check(`${target}: neither with a query nor in another language`, !isKept(target));
    }
    for (const target of [`/@author_one/${secret}`, '/tags/onlytag', '/@nobody_at_all', '/nowhere', '/@AUTHOR_ONE', '/@Author_one/replies', '/tags/ONLYTAG', '/settings', '/login', '/directory']) {
        await anonymous.get(target, { follow: false });
        check(`${target} is not kept`, !isKept(target));
    }
    await anonymous.request('HEAD', '/@author_one');
    const page = await anonymous.get('/@author_one');
    check('after HEAD the page is whole', page.html.includes('</html>') && !page.html.includes('Followersonlywords'));
    // What a consumer still takes away while the page is written is not kept; then the next one is.
    check('it is kept', await until(async () => isKept('/@author_one') || (await anonymous.get('/@author_one'), false), 'a kept page'));
    await sleep(100);
    await admin.act(`/admin/members/${/\/members\/(\d+)\//.exec((await reader.get('/@author_one')).html)[1]}/suspend`, { note: 'n' });
    check('a suspended member\'s is gone', !isKept('/@author_one') && (await anonymous.get('/@author_one')).status === 410 && !isKept('/@author_one'));
}

/** A file's text; null when it is gone by now. */
function textOrNull(file) {
    try {
        return readFileSync(file, 'utf8');
    } catch (e) {
        if (e.code === 'ENOENT')
            return null;
        throw e;
    }
}

// Three readers never stop while things change; after each change the very next look must be right.
async function rightAtOnce() {
    const author = await member('changing', { name: 'Name 0' }), other = await member('reacting', { name: 'Reacting' });
    const authorId = /\/members\/(\d+)\//.exec((await other.get('/@changing')).html)[1];
    let post = await write(author, 'Version 0 #looping'), over = false, rounds = 0;
    const pages = () => ['/local', '/@changing', '/tags/looping', `/@changing/${post}`, '/'];
    const read = async (client, target) => client.get(target, { follow: false });
    const gone = []; // pages that are always there, and were not: a file went between nginx' look for it and its reading
    const readers = [0, 1, 2].map(async (i) => {
        const client = new Client();
        for (let n = i; !over; n++) {
            const target = pages()[n % 5], { status } = await read(client, target);
            if (status !== 200 && (target === '/' || target === '/local'))
                gone.push(`${target}: ${status}`);
        }
    });
    const sees = async (what, targets, test) => {
        for (const target of targets) {
            const page = await read(anonymous, target);
            check(`round ${rounds}: ${what} on ${target}`, test(page), `${page.status} ${isKept(target) ? 'kept' : 'made'}`);
        }
    };
    const privacy = async (changes) => author.submit((await author.get('/settings/privacy')).form('/settings/privacy'), changes);
    const profile = async (changes) => author.submit((await author.get('/settings/profile')).form('/settings/profile'), changes);
    let likes = 0, comments = 0;
    const changes = [
        async (n) => {
            await author.act(`/posts/${post}/edit`, { text: `Version ${n} #looping` });
            await sees('an edit', pages(), (p) => p.html.includes(`Version ${n} `) && !p.html.includes(`Version ${n - 1} `));
        },
        async (n) => {
            await other.act(`/posts/${post}/${likes ? 'unlike' : 'like'}`);
            likes = 1 - likes;
            await sees('a like', [`/@changing/${post}`], (p) => /1 like\b/.test(p.text) === (likes === 1));
        },
        async (n) => {
            await write(other, `Comment ${n}.`, { in_reply_to: post });
            comments++;
            await sees('a comment', [`/@changing/${post}`], (p) => p.html.includes(`Comment ${n}.`));
        },
        async (n) => {
            await profile({ name: `Name ${n}` });
            await sees('a new name', pages(), (p) => p.html.includes(`Name ${n}<`) || p.html.includes(`Name ${n}`));
            await sees('and not the old one', pages(), (p) => !/Name (\d+)\b/.test(p.html.replaceAll(new RegExp(`Name ${n}\\b`, 'g'), '')));
        },
        async (n) => {
            await privacy({ noindex: n % 2 ? '1' : undefined });
            await sees('search engines', ['/@changing'], (p) => (p.meta('robots') ?? '').includes('noindex') === (n % 2 === 1));
        },
        async (n) => {
            await privacy({ hide_network: n % 2 ? '1' : undefined });
            await sees('the hidden network', ['/@changing'], (p) => /href="?\/@changing\/followers/.test(p.html) !== (n % 2 === 1));
        },
        async () => {
            await other.act(`/members/${authorId}/follow`);
            await sees('a follower', ['/@changing'], (p) => p.status === 200);
            await other.act(`/members/${authorId}/block`);
            await sees('after a block', ['/@changing'], (p) => p.status === 200);
            equal('who is blocked is out', [(await author.get('/@reacting')).status, (await author.get('/local')).html.includes('Comment ')], [404, false]);
            await other.act(`/members/${authorId}/unblock`);
        },
        async () => {
            await admin.act(`/admin/members/${authorId}/suspend`, { note: 'n' });
            await sees('a suspension', ['/local', '/tags/looping', '/', `/@changing/${post}`, '/@changing'], (p) => !p.html.includes('Version '));
            await admin.act(`/admin/members/${authorId}/restore`);
            await sees('the way back', pages(), (p) => p.html.includes('Version '));
            Object.assign(author, await logIn('changing'));
            author.token = undefined;
        },
        async (n) => {
            await author.act(`/posts/${post}/delete`);
            await sees('a deletion', pages(), (p) => !p.html.includes('Version '));
            post = await write(author, `Version ${n} #looping`);
            likes = comments = 0;
            await sees('a new post', pages(), (p) => p.html.includes(`Version ${n} `));
        },
    ];
    const end = Date.now() + 14_000;
    for (rounds = 1; rounds <= 200 && Date.now() < end; rounds++)
        await changes[rounds % changes.length](rounds);
    over = true;
    await Promise.all(readers);
    check('enough rounds were played', rounds > 30, rounds);
    equal('no file was taken away under a reader', gone, []);
    const bad = keptFiles().filter((file) => {
        const html = textOrNull(file); // the consumers' purges may still be on their way
        return html !== null && (/name="?csrf"? value="?[\w-]{10}|class="?notice|Followersonlywords|zaphod_one|heartofgold/.test(html) ||
            (!/\.\d+$/.test(file) && !html.includes('</html>'))); // index.html.<pid> is being written
    });
    equal('no file holds what is one reader\'s alone', bad, []);
}

// ---- Who has an account ----------------------------------------------------------------------------------------------

const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];

async function samples(known, unknown, send) {
    const times = [[], []], words = new Set();
    for (let i = 0; i < 30; i++)
        for (const [kind, list] of [[0, known], [1, unknown]]) {
            const begun = performance.now(), typed = list[i % list.length], answer = await send(typed, `10.${kind}.${i}.1`);
            times[kind].push(performance.now() - begun);
            words.add(`${answer.status} ${answer.text.replace(/^X-Request-Id.*$/gm, '').replaceAll(typed, '').replace(/name="?csrf"? value="?[^" >]*/g, '').replace(/value="?probe_\w+/g, '')
                .replace(/^(Set-Cookie|Content-Length|ETag).*$/gm, '').replace(/probe_\d+_\d+/g, '')}`);
        }
    return { known: median(times[0]), unknown: median(times[1]), words: [...words] };
}

async function accounts() {
    const known = [];
    for (let i = 0; i < 10; i++) {
        known.push(`timed_${i}`);
        await deeplink('user', 'create', `timed_${i}`, '--email', `timed_${i}@example.org`, '--password', PASSWORD);
    }
    const unknown = Array.from({ length: 30 }, (_, i) => `nobody_${i}`), mail = (list) => list.map((name) => `${name}@example.org`);
    const start = await toWorker(whole({ REQUEST_URI: '/login' })), cookie = `pre=${start.cookies.find(([, name]) => name === 'pre')[2]}`;
    const csrf = /name="?csrf"? value="?([\w-]+)/.exec(start.text)[1];
    let n = 0;
    const send = (target, fields) => (typed, address) => {
        const body = new URLSearchParams({ csrf, ...fields(typed) }).toString();
        return toWorker(whole({ REQUEST_METHOD: 'POST', REQUEST_URI: target, CONTENT_TYPE: form, CONTENT_LENGTH: String(body.length), HTTP_COOKIE: cookie, REMOTE_ADDR: address }, body));
    };
    const kinds = {
        'log-in by handle': [known, unknown, send('/login', (login) => ({ login, password: 'wrong words here' }))],
        'log-in by address': [mail(known), mail(unknown), send('/login', (login) => ({ login, password: 'wrong words here' }))],
        'reset': [mail(known), mail(unknown), send('/reset', (email) => ({ email }))],
        'resend': [mail(known), mail(unknown), send('/confirm', (email) => ({ email }))],
        'sign-up': [mail(known), mail(unknown), send('/signup', (email) => ({ email, name: 'x', handle: `probe_${n % 7}_${n++}`, password: PASSWORD, agreement: '1' }))],
    };
    for (const [name, [a, b, fn]] of Object.entries(kinds)) {
        const got = await samples(a, b, fn);
        check(`${name}: as long for known as for unknown`, Math.abs(got.known - got.unknown) < Math.max(6, 0.3 * Math.max(got.known, got.unknown)),
            `${got.known.toFixed(1)} ms, ${got.unknown.toFixed(1)} ms`);
        check(`${name}: in the same words`, got.words.length === 1, got.words.map((w) => w.slice(0, 2500)).join('\n----\n').slice(0, 6000));
    }
    // Whoever has used up the tries of a name learns nothing about which address belongs to it.
    const logInAs = kinds['log-in by handle'][2];
    let last;
    for (let i = 0; i < 9; i++)
        last = await logInAs('mallory', `10.9.${i}.1`);
    equal('a name is slowed down wherever the tries come from', last.status, 429);
    equal('which says nothing about an address', (await logInAs('mallory@example.org', '10.9.20.1')).status, (await logInAs('unheard_of@example.org', '10.9.21.1')).status);
}

mallory = await member('mallory');
admin = await member('chief', { role: 'admin' });
for (const [name, fn] of Object.entries({ requestLines, headers, bodies, fields, gateway, brokenRecords, interleaved, notKept, rightAtOnce, accounts })) {
    const begun = Date.now();
    await survives(name, fn);
    if (process.env.VERBOSE)
        console.log(`${name}: ${Date.now() - begun} ms`);
}
await finish();
