// What people write, at its worst: markup in every field, one word of a thousand letters, names that fill their field, Arabic and
// Japanese and emoji, ten thousand likes. Nothing of it runs, nothing breaks the page.
// harness: set registration = approval
// harness: set rate_limits = no
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { BASE, Client, DESKTOP, PASSWORD, PHONE, axeFinds, check, equal, finish, inspect, launch, logIn, mailLink, member, newPage,
    nothing, open, part, silent, write } from './lib.mjs';

const run = promisify(execFile);
const probe = '"\'><img src=x onerror=alert(1)><svg onload=alert(2)>';
const script = '</title></textarea></script><script>alert(3)</script>';
const word = (n) => 'Donaudampfschiff'.repeat(Math.ceil(n / 16)).slice(0, n);
const family = '👨‍👩‍👧‍👦';
let evil, long, admin, arabic;
const at = {};

// ---- What they write -------------------------------------------------------------------------------------------------

async function profile(client, fields) {
    const answer = await client.submit((await client.get('/settings/profile')).form('/settings/profile'), fields, { follow: false });
    equal('the profile is saved', answer.status, 303);
}

async function strangers() {
    const client = new Client({ headers: { 'user-agent': `Mozilla ${probe}` } });
    await client.submit((await client.get('/signup')).form('/signup'),
        { name: `Wanda ${script.slice(0, 40)}`, handle: 'wanda', email: 'wanda@example.org', password: PASSWORD, agreement: '1', reason: `${script} ${probe} ${word(300)}` });
    const link = await mailLink('wanda@example.org', /\/confirm\/[\w.~-]+/);
    await client.submit((await client.get(link)).form(link));
}

async function members() {
    admin = await member('root_', { role: 'admin' });
    evil = await member('evil', { headers: { 'user-agent': `${probe}${script}` } });
    long = await member('abcdefghijklmnopqrstuvwxyz_234');
    arabic = await member('layla');
    await profile(evil, { name: '"><img src=x onerror=alert(4)>', headline: `${probe}${script}`.slice(0, 120),
        bio: `${probe}\n\n${script}\n\n[click](javascript:alert(5)) <javascript:alert(6)> ![x](x" onerror="alert(7)) [a](data:text/html,<script>alert(8)</script>)`,
        field_name_1: probe.slice(0, 50), field_value_1: 'javascript:alert(9)', field_name_2: 'web', field_value_2: 'https://example.org/"onmouseover="alert(10)' });
    await profile(long, { name: word(50), headline: word(120), bio: word(1500), field_name_1: word(50), field_value_1: word(200),
        field_name_2: 'site', field_value_2: `https://example.org/${word(150)}` });
    await profile(arabic, { name: 'ليلى الحداد', headline: 'مهندسة برمجيات في الميناء القديم', bio: 'أحب البحر **والكتب**.' });
    await profile(admin, { name: '林 淳 👩🏽‍🚀', headline: `${family} 潮位計のソフトウェアを書いています` });
}

async function posts() {
    at.evil = await write(evil, `${probe}\n\n${script}\n\n[x](javascript:alert(11)) [y](JaVaScRiPt&colon;alert(12)) <a href="javascript:alert(13)">z</a>\n\n` +
        `<iframe srcdoc="<script>alert(14)</script>"></iframe>\n\n\`${script}\` #tag"><script>`, { warning: `${probe}${script}` });
    at.style = await write(evil, '<style>body{display:none}</style><form action="https://example.org"><input autofocus onfocus=alert(15)></form> &lt;b&gt;');
    at.long = await write(long, `${word(1000)}\n\nhttps://example.org/${word(400)}\n\n\`${word(300)}\`\n\n    ${word(300)}\n\n> ${word(200)}\n\n- ${word(200)}\n\n#${word(90)}`);
    await write(long, 'The text of a long warning', { warning: word(200) });
    at.arabic = await write(arabic, 'صباح الخير يا جماعة، السفينة تصل غداً الساعة 10:30 إن شاء الله. #ميناء @root_\n\nHello in between.\n\n- أولاً\n- ثانياً');
    at.japanese = await write(admin, `${'春の海ひねもすのたりのたり哉。'.repeat(8)} ${family}🏴‍☠️🇯🇵 👍🏿 z̷̛̤͠a̸l̶g̷o̴ #俳句`);
    at.many = await write(admin, 'Ten thousand people like this');
    for (const [client, to] of [[evil, at.arabic], [long, at.evil], [arabic, at.long]])
        await write(client, `${word(300)} ${probe}`, {}, to);
    let deep = at.japanese;
    for (let i = 0; i < 9; i++)
        deep = await write([evil, long, arabic][i % 3], `${i} ${word(60)} ${script}`, {}, deep);
}

async function acts() {
    const id = async (handle) => /\/members\/(\d+)\//.exec((await admin.get(`/@${handle}`)).html)[1];
    [at.evilId, at.longId] = [await id('evil'), await id('abcdefghijklmnopqrstuvwxyz_234')];
    for (const other of ['evil', 'abcdefghijklmnopqrstuvwxyz_234', 'layla'])
        await admin.act(`/members/${await id(other)}/follow`);
    for (const client of [evil, long, arabic])
        for (const path of [at.evil, at.long, at.arabic])
            await client.act(`/posts/${path.split('/').pop()}/repost`);
    await member('victim');
    await admin.act(`/admin/members/${await id('victim')}/suspend`, { note: `${probe}${script}${word(200)}` });
}

// A counter of ten thousand: the rows would take a minute to make, so the sum alone is set. What was kept of it is dropped.
async function manyLikes() {
    const id = at.many.split('/').pop();
    await run('psql', [process.env.TEST_PG_ADMIN, '-qc', `INSERT INTO posts.stats (post_id, version, likes, reposts, comments)
        VALUES (${id}, 1, 10000, 12345, 1234567)`]);
    await run('redis-cli', ['-u', process.env.TEST_REDIS, 'FLUSHDB']);
    admin = await logIn('root_');
    evil = await logIn('evil', PASSWORD, { headers: { 'user-agent': `${probe}${script}` } });
}

// ---- Looking ---------------------------------------------------------------------------------------------------------

/** Nothing in the document that only markup out of a text could have put there. */
function intruders(page) {
    return page.evaluate((own) => [
        ...[...document.querySelectorAll('*')].flatMap((e) => [...e.attributes].filter((a) => /^on/i.test(a.name)).map((a) => `${e.tagName} ${a.name}`)),
        ...[...document.querySelectorAll('script, img, iframe, object, embed, style, base, meta[http-equiv]')]
            .filter((e) => !(e.tagName === 'SCRIPT' && e.src.startsWith(`${own}/static/`))).map((e) => e.outerHTML.slice(0, 100)),
        ...[...document.querySelectorAll('[href], [src], [action], [formaction]')].flatMap((e) => ['href', 'src', 'action', 'formaction'].map((n) => e.getAttribute(n)))
            .filter((v) => /^\s*(javascript|data|vbscript):/i.test(v ?? '')),
    ], BASE);
}

async function look(page, path, { status = 200, name = path } = {}) {
    equal(`${name}: status`, (await page.goto(path)).status(), status);
    nothing(`${name}: nothing crept in`, await intruders(page));
    for (const [viewport, width] of [[PHONE, 'phone'], [DESKTOP, 'desktop']]) {
        await page.setViewportSize(viewport);
        await inspect(page, `${name} ${width}`);
    }
    nothing(`${name}: axe`, await axeFinds(page));
    for (const summary of await page.locator('main .cw > summary, main .fold > summary').all())
        await summary.evaluate((e) => e.click());
    await page.setViewportSize(PHONE);
    await inspect(page, `${name} unfolded`);
    silent(page, name);
}

const query = encodeURIComponent(probe);

function pages() {
    return ['/', '/local', '/@evil', '/@abcdefghijklmnopqrstuvwxyz_234', '/@abcdefghijklmnopqrstuvwxyz_234/replies', '/@layla', '/@root_', '/@root_/following',
        at.evil, at.style, at.long, at.arabic, at.japanese, at.many, '/directory', `/directory?q=${query}`, `/directory?q=${word(100)}`, '/tags',
        '/network', '/settings/activity', '/settings/sessions', '/admin/members', '/admin/members?state=pending', `/admin/members?q=${query}`, '/admin/audit',
        `/members/${at.longId}/block`, `/members/${at.evilId}/mute`, `/admin/members/${at.evilId}/suspend`, `/compose?in_reply_to=${at.evil.split('/').pop()}`,
        `/posts/${at.evil.split('/').pop()}/reposts`, `/posts/${at.long.split('/').pop()}/history`];
}

async function asAdmin(browser) {
    const context = await open(browser, { client: admin });
    const page = await newPage(context);
    for (const path of pages())
        await part(path.slice(0, 80), () => look(page, path, { name: path.slice(0, 80) }));
    await part('texts', () => texts(page));
    await context.close();
}

async function texts(page) {
    await page.goto(at.evil);
    check('markup stands there as text', (await page.locator('.focus .tx').textContent()).includes('<img src=x onerror=alert(1)>'));
    await page.goto(at.arabic);
    const box = await page.locator('.focus .tx').evaluate((e) => ({ p: getComputedStyle(e.firstElementChild).unicodeBidi, dir: getComputedStyle(e).direction,
        starts: (() => { const r = document.createRange(); r.selectNodeContents(e.firstElementChild); const a = r.getBoundingClientRect(), b = e.getBoundingClientRect(); return b.right - a.right < 4; })() }));
    check('Arabic reads from the right', box.dir === 'rtl' && box.starts, JSON.stringify(box));
    await page.goto(at.many);
    equal('many likes are shown short', await page.locator('.focus .acts b').allTextContents(), ['1.2M', '12k', '10k']);
    await page.goto('/@evil');
    equal('a name is a text', await page.locator('h1').textContent(), '"><img src=x onerror=alert(4)>');
    equal('javascript: is no link', await page.locator('.fields dd').first().locator('a').count(), 0);
}

// Where an address says what to show or where to go next.
async function addresses(browser) {
    const context = await open(browser, { viewport: PHONE });
    const page = await newPage(context);
    for (const path of [`/login?return_to=${query}`, `/login?return_to=javascript:alert(16)`, `/login?return_to=//example.org`, `/directory?q=${query}`, `/directory?order=${query}`])
        await part(path, async () => {
            await page.goto(path);
            nothing(`${path.slice(0, 60)}: nothing crept in`, await intruders(page));
            silent(page, path.slice(0, 60));
        });
    for (const path of [`/tags/${query}`, `/@${query}`, `/invite/${query}`, `/confirm/${query}`, `/reset/${query}`, `/${query}`, `/@evil/${query}`])
        await part(path, async () => {
            const answer = await page.goto(path);
            check(`${path.slice(0, 60)}: says no`, answer.status() < 500, answer.status());
            nothing(`${path.slice(0, 60)}: nothing crept in`, await intruders(page));
            silent(page, path.slice(0, 60));
        });
    for (const away of ['//example.org/', 'https://example.org/', '/\\example.org', '/\t/example.org'])
        equal(`nobody is led away to ${away}`, (await page.goto(`/login?return_to=${encodeURIComponent(away)}`)).status(), 422);
    await context.close();
}

// The author's own view: what was typed stands in fields again.
async function inFields(browser) {
    const context = await open(browser, { viewport: PHONE, client: evil });
    const page = await newPage(context);
    for (const path of ['/settings/profile', `/posts/${at.evil.split('/').pop()}/edit`, '/settings/sessions', '/settings/activity', `/posts/${at.evil.split('/').pop()}/delete`])
        await part(path, () => look(page, path));
    await page.goto('/settings/profile');
    equal('a field holds what was typed', await page.locator('#name').inputValue(), '"><img src=x onerror=alert(4)>');
    await context.close();
}

await part('set-up', async () => {
    await strangers();
    await members();
    await posts();
    await acts();
    await manyLikes();
});
const browser = await launch();
await part('as administrator', () => asAdmin(browser));
await part('as stranger', () => addresses(browser));
await part('as author', () => inFields(browser));
await browser.close();
await finish();
