// What the HTTP tests share: a client that behaves like a browser without script (cookie jar, forms read out of the
// HTML, redirects), checks with a count, and members to act as. Every JSON answer of the API that it gets is held against
// the site's own description (lib_schema.mjs): what is not described fails the test.
//
//   import { Client, signUp, member, token, check, equal, finish } from './lib.mjs';
//   const ada = await member('ada');                       // made by `deeplink user create`, logged in by the form
//   let page = await ada.get('/');
//   page = await ada.submit(page.form('/posts'), { text: 'Hello' });      // fills in, sends, follows the 303
//   check('the post stands there', page.html.includes('Hello'));
//   await finish();                                        // prints "N passed, N failed", exits
import { execFile } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import { promisify } from 'node:util';
import { schemaProblem } from './lib_schema.mjs';

export const BASE = process.env.TEST_BASE_URL ?? 'http://127.0.0.1:8080';
export const PASSWORD = 'quiet meadow lantern';

const agents = { 'http:': new http.Agent({ keepAlive: true }), 'https:': new https.Agent({ keepAlive: true }) };

// ---- HTML ------------------------------------------------------------------------------------------------------------

const entities = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0' };

export function unescapeHtml(s) {
    return s.replace(/&(?:#x([0-9a-f]+)|#(\d+)|([a-z]+));/gi, (all, hex, dec, name) =>
        hex ? String.fromCodePoint(parseInt(hex, 16)) : dec ? String.fromCodePoint(+dec) : (entities[name.toLowerCase()] ?? all));
}

const tagPattern = /<!--[\s\S]*?-->|<(\/?)([a-zA-Z][^\s/>]*)((?:"[^"]*"|'[^']*'|[^"'>])*)>/g;
const attributePattern = /([^\s=/"'>]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g;

function attributesOf(source) {
    const attributes = {};
    for (const [, name, a, b, c] of source.matchAll(attributePattern))
        attributes[name.toLowerCase()] = unescapeHtml(a ?? b ?? c ?? '');
    return attributes;
}

// The tags of a text in order: { name, close, attributes, at, end }. The inside of script and style is passed over, that of
// textarea and title holds no tags.
export function tagsOf(html) {
    const tags = [];
    tagPattern.lastIndex = 0;
    for (let match; (match = tagPattern.exec(html)) !== null;) {
        if (match[2] === undefined)
            continue;
        const tag = { name: match[2].toLowerCase(), close: match[1] === '/', attributes: attributesOf(match[3]),
            at: match.index, end: tagPattern.lastIndex };
        tags.push(tag);
        if (!tag.close && ['script', 'style', 'textarea', 'title'].includes(tag.name)) {
            const stop = html.toLowerCase().indexOf(`</${tag.name}`, tag.end);
            tagPattern.lastIndex = stop < 0 ? html.length : stop;
        }
    }
    return tags;
}

// What a reader sees: no tags, white space folded.
export function textOf(html) {
    return unescapeHtml(html.replace(tagPattern, ' ')).replace(/\s+/g, ' ').trim();
}

// A form: action and method as written, `fields` [name, value] as the browser would send them untouched, `buttons`
// [{ text, action, attributes }] inside it or pointing to it by form="id".
function formsOf(html) {
    const tags = tagsOf(html), forms = [], byId = new Map();
    const make = (attributes) => ({ attributes, id: attributes.id, action: attributes.action, method: (attributes.method ?? 'get').toLowerCase(),
        fields: [], buttons: [] });
    for (const tag of tags)
        if (tag.name === 'form' && !tag.close) {
            tag.form = make(tag.attributes);
            forms.push(tag.form);
            if (tag.form.id)
                byId.set(tag.form.id, tag.form);
        }
    let open = null, select = null;
    tags.forEach((tag, i) => {
        const a = tag.attributes, form = a.form !== undefined ? byId.get(a.form) : open;
        if (tag.name === 'form')
            open = tag.close ? null : tag.form;
        else if (tag.name === 'select')
            select = tag.close ? null : { form, name: a.name, first: true };
        else if (tag.close || !form || (a.disabled !== undefined && tag.name !== 'option'))
            return;
        else if (tag.name === 'option' && select)
            option(select, a, () => textOf(html.slice(tag.end, tags[i + 1]?.at)));
        else if (tag.name === 'textarea')
            form.fields.push([a.name, unescapeHtml(html.slice(tag.end, tags[i + 1]?.at)).replace(/^\n/, '')]);
        else if (tag.name === 'button' || (tag.name === 'input' && a.type === 'submit'))
            form.buttons.push({ attributes: a, action: a.formaction ?? form.action, text: buttonText(html, tags, i) });
        else if (tag.name === 'input' && a.name && !(['checkbox', 'radio'].includes(a.type) && a.checked === undefined))
            form.fields.push([a.name, a.value ?? (a.type === 'checkbox' ? 'on' : '')]);
    });
    return forms;
}

// The first option stands until one says that it is selected.
function option(select, attributes, text) {
    const value = attributes.value ?? text();
    if (select.first)
        select.form.fields.push([select.name, value]);
    else if (attributes.selected !== undefined)
        select.form.fields.find(([name]) => name === select.name)[1] = value;
    select.first = false;
}

function buttonText(html, tags, i) {
    const close = tags.findIndex((tag, k) => k > i && tag.close && tag.name === 'button');
    return close < 0 ? '' : textOf(html.slice(tags[i].end, tags[close].at));
}

// ---- Answers ---------------------------------------------------------------------------------------------------------

export class Answer {
    constructor(status, headers, body, url) {
        Object.assign(this, { status, headers, body, url });
    }
    get html() { return this.body.toString('utf8'); }
    get text() { return textOf(this.html); }
    get forms() { return (this.parsed ??= formsOf(this.html)); }
    get title() { return unescapeHtml(/<title>([\s\S]*?)<\/title>/.exec(this.html)?.[1] ?? ''); }
    get location() { return this.headers.location; }
    json() { return JSON.parse(this.html); }
    header(name) { return this.headers[name.toLowerCase()]; }
    /** The form whose action is this; a missing one throws and says what there is. */
    form(action) {
        const form = this.forms.find((f) => f.action === action || f.id === action);
        if (!form)
            throw new Error(`${this.url} (${this.status}) has no form ${action}, only ${this.forms.map((f) => f.action ?? `#${f.id}`)}`);
        return form;
    }
    /** The button that leads to this action, with the form it sends. */
    button(action) {
        for (const form of this.forms)
            for (const button of form.buttons)
                if (button.action === action)
                    return { ...button, form };
        return null;
    }
    /** href of each link that fits: text is compared as seen, rel as written. */
    links({ text, rel, prefix } = {}) {
        const tags = tagsOf(this.html), found = [];
        tags.forEach((tag, i) => {
            if (tag.close || !['a', 'link'].includes(tag.name) || tag.attributes.href === undefined)
                return;
            const seen = tag.name === 'a' ? linkText(this.html, tags, i) : '';
            if ((text === undefined || seen === text) && (rel === undefined || tag.attributes.rel === rel) &&
                (prefix === undefined || tag.attributes.href.startsWith(prefix)))
                found.push({ href: tag.attributes.href, text: seen, attributes: tag.attributes });
        });
        return found;
    }
    /** Attributes of every tag of this name. */
    tags(name) { return tagsOf(this.html).filter((t) => t.name === name && !t.close).map((t) => t.attributes); }
    meta(name) {
        return this.tags('meta').find((m) => m.name === name || m.property === name)?.content;
    }
}

function linkText(html, tags, i) {
    const close = tags.findIndex((tag, k) => k > i && tag.close && tag.name === 'a');
    return close < 0 ? '' : textOf(html.slice(tags[i].end, tags[close].at));
}

// ---- What the site says of itself ------------------------------------------------------------------------------------

/** Fails a check for an answer that /api/openapi.json does not describe; passes say nothing. */
async function holdAgainstDescription(base, method, target, answer) {
    let problem;
    try {
        problem = await schemaProblem(base, method, target, answer);
    } catch (e) {
        problem = e.message;
    }
    if (problem)
        check(`${method} ${target} is as described`, false, problem);
}

// ---- The client ------------------------------------------------------------------------------------------------------

export class Client {
    constructor({ base = BASE, headers = {} } = {}) {
        this.base = new URL(base);
        this.headers = headers;
        this.cookies = new Map();
    }

    /** One request, no redirect followed. path may be anything, also what no browser would send. */
    async request(method, target, options = {}) {
        const answer = await this.send(method, target, options);
        await holdAgainstDescription(this.base.origin, method, target, answer);
        return answer;
    }

    send(method, target, { headers = {}, body } = {}) {
        const url = target.startsWith('http') ? new URL(target) : null;
        const options = { method, host: this.base.hostname, port: this.base.port, path: url ? url.pathname + url.search : target,
            agent: agents[this.base.protocol], headers: { host: this.base.host, ...this.headers, ...headers } };
        if (this.cookies.size > 0 && options.headers.cookie === undefined)
            options.headers.cookie = [...this.cookies].map(([k, v]) => `${k}=${v}`).join('; ');
        if (body !== undefined)
            options.headers['content-length'] = Buffer.byteLength(body);
        return new Promise((resolve, reject) => {
            const req = (this.base.protocol === 'https:' ? https : http).request(options, (res) => {
                const pieces = [];
                res.on('data', (piece) => pieces.push(piece));
                res.on('error', reject);
                res.on('end', () => {
                    this.keepCookies(res.headers['set-cookie'] ?? []);
                    resolve(new Answer(res.statusCode, res.headers, Buffer.concat(pieces), target));
                });
            });
            req.on('error', reject);
            req.setTimeout(30000, () => req.destroy(new Error(`${method} ${target} took more than 30 s`)));
            req.end(body);
        });
    }

    keepCookies(lines) {
        for (const line of lines) {
            const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
            const age = /;\s*max-age=(-?\d+)/i.exec(line);
            if (age && +age[1] <= 0)
                this.cookies.delete(name);
            else
                this.cookies.set(name, value);
        }
    }

    /** One request of a program, its body as JSON; the answer's `data` is what came back, where it is JSON. */
    async json(method, target, fields, { token, headers = {} } = {}) {
        const sent = { ...headers, ...(token ? { authorization: `Bearer ${token}` } : {}),
            ...(fields === undefined ? {} : { 'content-type': 'application/json' }) };
        const answer = await this.request(method, target,
            { headers: sent, body: fields === undefined ? undefined : JSON.stringify(fields) });
        answer.data = /^application\/([a-z.+-]*\+)?json/.test(answer.headers['content-type'] ?? '') ? JSON.parse(answer.html || 'null') : null;
        return answer;
    }

    /** GET, and GET again where a redirect leads (at most five times). { follow: false } returns the redirect itself. */
    async get(target, options = {}) {
        return this.follow(await this.request('GET', target, options), options);
    }

    async follow(answer, { follow = true, headers } = {}) {
        for (let i = 0; follow && i < 5 && [301, 302, 303, 307, 308].includes(answer.status); i++)
            answer = await this.request('GET', answer.location.replace(/#.*/, ''), { headers });
        return answer;
    }

    /** POST of fields ({ name: value } or [[name, value]]), urlencoded. */
    async post(target, fields = {}, options = {}) {
        const body = new URLSearchParams(fields).toString();
        const headers = { 'content-type': 'application/x-www-form-urlencoded', origin: this.base.origin, ...options.headers };
        return this.follow(await this.request('POST', target, { headers, body }), { ...options, headers: undefined });
    }

    /** Sends a form as a browser would: its fields, changed as said (undefined takes one away), by `action` when a button has one of
     * its own. */
    submit(form, changes = {}, { action = form.action, ...options } = {}) {
        const fields = form.fields.filter(([name]) => !(name in changes));
        for (const [name, value] of Object.entries(changes))
            if (value !== undefined)
                fields.push([name, value]);
        if (form.method === 'get')
            return this.get(`${action}?${new URLSearchParams(fields)}`, options);
        return this.post(action, fields, options);
    }

    /** Presses the button that leads to `action` on a page; throws when there is none. */
    press(page, action, options = {}) {
        const button = page.button(action);
        if (!button)
            throw new Error(`${page.url} (${page.status}) has no button to ${action}`);
        return this.submit(button.form, {}, { action, ...options });
    }

    /** A request of a program: JSON there and back; members' writes bring the form token. */
    async call(method, target, body, { headers = {}, ...options } = {}) {
        if (method !== 'GET' && this.cookies.size > 0)
            this.token ??= await this.csrf();
        return this.request(method, target, { ...options,
            headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }),
                ...(this.token && method !== 'GET' ? { 'x-csrf-token': this.token } : {}), ...headers },
            body: body === undefined ? undefined : JSON.stringify(body) });
    }

    /** As press(), as the script does it: answers with the fragment that changed. */
    pressFetch(page, action) {
        return this.press(page, action, { follow: false, headers: { 'x-requested-with': 'fetch' } });
    }

    /** The token that this client's forms carry. */
    async csrf() {
        const page = await this.get('/settings/profile');
        return page.forms.flatMap((f) => f.fields).find(([name]) => name === 'csrf')?.[1];
    }

    /** POST with the token added: for acts that have no button on the page at hand. */
    async act(target, fields = {}, options = {}) {
        this.token ??= await this.csrf();
        return this.post(target, { csrf: this.token, ...fields }, options);
    }
}

// ---- The site -------------------------------------------------------------------------------------------------------

const run = promisify(execFile);

/** A subcommand of the site's program; gives what it printed, throws when it failed. */
export async function deeplink(...args) {
    const { stdout } = await run(process.env.TEST_DEEPLINK, ['--config', process.env.TEST_CONFIG, ...args]);
    return stdout;
}

/** Stops, starts or kills a server or a part of the site (tests/harness/stack.sh); gives what was printed. */
export async function server(verb, name) {
    return (await run(`${process.env.TEST_ROOT}/tests/harness/stack.sh`, ['server', verb, name])).stdout.trim();
}

/** Gives the site other settings, and those parts of it (serve, work, stream) begin anew with them. */
export async function configure(settings, ...parts) {
    const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`);
    const isOther = (line) => !Object.keys(settings).some((name) => new RegExp(`^${name}\\s*=`).test(line));
    await Promise.all(parts.map((name) => server('stop', name)));
    const kept = (await readFile(process.env.TEST_CONFIG, 'utf8')).split(/(?<=\n)/).filter(isOther);
    await writeFile(process.env.TEST_CONFIG, [...kept, ...lines].join(''));
    for (const name of parts)
        await server('start', name);
}

// ---- Members ---------------------------------------------------------------------------------------------------------

export async function logIn(login, password = PASSWORD, options = {}) {
    const client = new Client(options);
    const answer = await client.submit((await client.get('/login')).form('/login'), { login, password }, { follow: false });
    if (answer.status !== 303)
        throw new Error(`${login} could not log in: ${answer.status} ${answer.text.slice(0, 300)}`);
    client.handle = login;
    return client;
}

/** A member who is there already when the test begins: made by the program, logged in by the form. */
export async function member(handle, { name = handle, role, ...options } = {}) {
    await deeplink('user', 'create', handle, '--email', `${handle}@example.org`, '--name', name, '--password', PASSWORD,
        ...(role ? ['--role', role] : []));
    return logIn(handle, PASSWORD, options);
}

/** A personal access token of a member who is there, for requests of programs. */
export async function token(handle, scopes = 'read write follow') {
    return (await deeplink('user', 'token', handle, '--scopes', scopes)).trim();
}

/** A stranger becomes a member by the forms: sign up, the mail's link, its button, log in. */
export async function signUp(handle, { name = handle, email = `${handle}@example.org`, ...fields } = {}) {
    const client = new Client();
    const page = await client.submit((await client.get('/signup')).form('/signup'),
        { name, handle, email, password: PASSWORD, agreement: '1', ...fields });
    if (page.status !== 200)
        throw new Error(`${handle} could not sign up: ${page.status} ${page.text.slice(0, 300)}`);
    const link = await mailLink(email, /\/confirm\/[\w.~-]+/);
    const ask = await client.get(link);
    await client.submit(ask.form(link));
    return logIn(handle);
}

// ---- Mail ------------------------------------------------------------------------------------------------------------

function decodeMail(source) {
    const quoted = /content-transfer-encoding:\s*quoted-printable/i.test(source);
    const base64 = /content-transfer-encoding:\s*base64/i.test(source);
    if (quoted)
        return source.replace(/=\r?\n/g, '').replace(/=([0-9A-F]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
    if (base64)
        return source.replace(/\r?\n\r?\n([A-Za-z0-9+/=\r\n]+)/g, (_, text) => `\n\n${Buffer.from(text, 'base64').toString('utf8')}`);
    return source;
}

/** The mails to an address so far, oldest first, decoded. */
export async function mails(to) {
    const folder = path.join(process.env.TEST_SITE, 'mail'), found = [];
    for (const file of (await readdir(folder)).filter((f) => f.endsWith('.eml')).sort()) {
        const source = await readFile(path.join(folder, file), 'latin1');
        if (/^to:.*$/im.exec(source)?.[0].toLowerCase().includes(to.toLowerCase()))
            found.push(decodeMail(source));
    }
    return found;
}

/** What a pattern finds in the newest mail to an address that has it; waits until there is one. */
export async function mailLink(to, pattern, { seconds = 20 } = {}) {
    return until(async () => (await mails(to)).reverse().map((m) => pattern.exec(m)?.[0]).find((m) => m), `a mail to ${to}`, seconds);
}

// ---- Checks ----------------------------------------------------------------------------------------------------------

/** Ids, the latest first. That is their order on a page, too: of two of one millisecond, by two processes, the first may be the larger. */
export const latestFirst = (ids) => [...ids].sort((a, b) => (BigInt(a) < BigInt(b) ? 1 : -1));

export const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/** Asks again until the answer is truthy, and gives it; throws after so many seconds: more than any machine needs. */
export async function until(fn, what = 'that', seconds = 30) {
    for (const end = Date.now() + seconds * 1000; ;) {
        const value = await fn();
        if (value)
            return value;
        if (Date.now() > end)
            throw new Error(`${what} did not come within ${seconds} s`);
        await sleep(50);
    }
}

/** Waits until no event waits for a consumer. */
export async function caughtUp(seconds = 90) {
    let behind = [];
    await until(async () => {
        behind = (await deeplink('events', 'lag')).split('\n').filter((line) => line && !/ 0 waiting/.test(line));
        return behind.length === 0;
    }, 'the consumers', seconds).catch((e) => { throw new Error(`${e.message}: ${behind.join('; ')}`); });
}

/** The first answer that is no 502 or 503: each process finds out by itself, a second later at most, that a server is back. */
export async function served(ask, what = 'an answer', seconds = 10) {
    return until(async () => {
        const answer = await ask();
        return ![502, 503].includes(answer.status) && answer;
    }, what, seconds);
}

const counts = { passed: 0, failed: 0 };

/** Counts; says what failed, with `about` where that helps. */
export function check(name, condition, about) {
    if (condition) {
        counts.passed++;
    } else {
        counts.failed++;
        console.log(`FAILED: ${name}${about !== undefined ? `: ${about}` : ''}`);
    }
    return Boolean(condition);
}

export function equal(name, actual, expected) {
    const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
    return check(name, a === b, `${a} instead of ${b}`);
}

/** A part of a test: what it throws counts as one failure, and the rest goes on. */
export async function part(name, fn) {
    try {
        await fn();
    } catch (e) {
        check(name, false, e.stack);
    }
}

/** The line that the runner counts, and the exit status. */
export async function finish() {
    console.log(`${counts.passed} passed, ${counts.failed} failed`);
    process.exit(counts.failed > 0 ? 1 : 0);
}

// ---- XML -------------------------------------------------------------------------------------------------------------

/** Whether it is well-formed, as far as a feed needs it; null, or what is wrong. */
export function xmlProblem(source) {
    const open = [];
    // eslint-disable-next-line no-control-regex
    if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(source))
        return 'a character that XML does not allow';
    if (/&(?!(amp|lt|gt|quot|apos|#\d+|#x[0-9a-f]+);)/i.test(source))
        return 'a bare &';
    const rest = source.replace(/^<\?xml[^?]*\?>\s*/, '');
    const pattern = /<(\/?)([A-Za-z_][\w:.-]*)((?:\s+[A-Za-z_][\w:.-]*\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>/y;
    for (let at = 0; at < rest.length;) {
        const next = rest.indexOf('<', at);
        if (next < 0)
            return rest.slice(at).trim() === '' && open.length === 0 ? null : `not closed: ${open}`;
        if (open.length === 0 && rest.slice(at, next).trim() !== '')
            return 'text outside of the root';
        pattern.lastIndex = next;
        const tag = pattern.exec(rest);
        if (!tag)
            return `no tag: ${rest.slice(next, next + 60)}`;
        if (tag[1] && open.pop() !== tag[2])
            return `closed out of turn: ${tag[2]}`;
        if (!tag[1] && !tag[4])
            open.push(tag[2]);
        at = pattern.lastIndex;
    }
    return open.length === 0 ? null : `not closed: ${open}`;
}
