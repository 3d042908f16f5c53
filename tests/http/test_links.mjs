// Linked pages, through the gateway and the real worker: the card of a post, for programs and on pages, and links of
// profiles that are verified; and that no link leads into the site's own network.
// harness: again on kafka
// harness: set link_cards_never = never.example
// harness: set rate_limits = no
import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { BASE, Client, check, configure, equal, finish, member, part, tagsOf, token, until } from './lib.mjs';
import { png } from './lib_png.mjs';

// ---- another site, and one that must never be asked
const pages = new Map(), asked = [];
const serve = (req, res) => {
    asked.push(req);
    const page = pages.get(req.url);
    res.writeHead(page ? 200 : 404, { 'content-type': Buffer.isBuffer(page) ? 'image/png' : 'text/html; charset=utf-8' }).end(page ?? '');
};
/** Listens on a free port; gives the address. */
const listen = (server, host) => new Promise((resolve, reject) => {
    server.on('error', reject).listen(0, host, () => resolve(`${host}:${server.address().port}`));
});
const web = http.createServer(serve), secret = http.createServer(serve);
const certificates = `${process.env.TEST_DIR}/links`;
execFileSync(`${process.env.TEST_ROOT}/stack/certificates.sh`, [certificates, 'web=127.77.0.1']);
chmodSync(certificates, 0o755);
chmodSync(`${certificates}/ca.pem`, 0o644);
const secure = https.createServer({ cert: readFileSync(`${certificates}/web.pem`), key: readFileSync(`${certificates}/web.key`) }, serve);
const address = await listen(web, '127.77.0.1'), secureAddress = await listen(secure, '127.77.0.1');
const at = (path) => `http://${address}${path}`;
const securely = (path) => `https://${secureAddress}${path}`;
const hidden = `http://${await listen(secret, '127.0.0.1')}`;
await configure({ fetch_allow: `${address} ${secureAddress}`, fetch_ca: `${certificates}/ca.pem` }, 'work');
const asks = (path) => asked.filter((req) => req.url === path);

const session = await member('ann'), bearer = await token('ann', 'read write');
const program = new Client({ headers: { authorization: `Bearer ${bearer}` } }), stranger = new Client();
const api = async (method, path, body) => {
    const answer = await program.request(method, `/api/v1${path}`, { headers: { 'content-type': 'application/json' }, body: body && JSON.stringify(body) });
    if (answer.status !== 200)
        throw new Error(`${method} ${path}: ${answer.status} ${answer.html.slice(0, 300)}`);
    return answer.json();
};
const say = (status, more = {}) => api('POST', '/statuses', { status, visibility: 'public', ...more });
const card = (id) => until(async () => (await api('GET', `/statuses/${id}`)).card, `a card of ${id}`);

// The first answers of a kind keep this process busy with their description, for seconds on a busy machine. The site would
// find us too slow meanwhile, and look again a minute later.
await api('GET', `/statuses/${(await say('No link yet')).id}`);

await part('a post gets the card of the page that it links to', async () => {
    pages.set('/cats', `<html lang=en><title>x</title><meta property=og:title content="Cats &lt;b&gt;&amp;&lt;/b&gt; dogs">
        <meta property=og:description content="All of &quot;them&quot;"><meta property=og:site_name content="The Zoo"><meta name=author content="Ann Other">`);
    const made = await say(`Look: ${at('/cats')} #cats`);
    equal('none at first', made.card, null);
    const path = new URL(made.url).pathname;
    equal('the page is there for strangers', (await stranger.get(path)).status, 200);
    const got = await card(made.id);
    equal('the entity', got, { url: at('/cats'), title: 'Cats <b>&</b> dogs', description: 'All of "them"', language: 'en', type: 'link', authors: [{ name: 'Ann Other', url: '', account: null }],
        author_name: 'Ann Other', author_url: '', provider_name: 'The Zoo', provider_url: `http://${address}`, html: '', width: 0, height: 0, image: null, image_description: '', embed_url: '', blurhash: null, published_at: null });
    const html = await until(async () => { const page = await stranger.get(path); return page.html.includes('class=lc') && page.html; }, 'the card on the kept page');
    const link = tagsOf(html).find((tag) => tag.name === 'a' && tag.attributes?.class === 'lc') ?? { attributes: {} };
    check('it is a plain link', html.includes(`href="${at('/cats')}" rel="nofollow noopener noreferrer ugc"`), JSON.stringify(link));
    check('what the page says is text', html.includes('Cats &lt;b&gt;&amp;&lt;/b&gt; dogs') && !html.includes('Cats <b>'));
    const [ask] = asks('/cats');
    check('the site says who it is', ask.headers['user-agent'].startsWith('DeepLink/') && ask.headers['user-agent'].includes(BASE), ask.headers['user-agent']);
    check('and nothing else', ask.headers.cookie === undefined && ask.headers.referer === undefined && ask.headers.authorization === undefined, JSON.stringify(ask.headers));
    await say(`Again: ${at('/cats')}`).then((again) => card(again.id));
    equal('asked once', asks('/cats').length, 1);
});

await part('its picture is shown from our own store', async () => {
    pages.set('/painted', '<title>painted</title><meta property=og:image content=/p.png><meta property=og:image:alt content="A grey field">');
    pages.set('/p.png', png(1200, 630));
    const made = await say(`See ${at('/painted')}`);
    const got = await until(async () => { const { card: c } = await api('GET', `/statuses/${made.id}`); return c?.image && c; }, 'the picture', 60);
    check('on this site', got.image.startsWith(`${BASE}/m/`), got.image);
    equal('its words', got.image_description, 'A grey field');
    equal('its size', [got.width, got.height], [1200, 630]);
    check('a blurhash', got.blurhash?.length > 5, got.blurhash);
    const file = await stranger.get(got.image.replace(BASE, ''));
    equal('for everybody', [file.status, file.header('content-type')], [200, 'image/webp']);
    const path = new URL(made.url).pathname;
    const html = await until(async () => { const page = await stranger.get(path); return page.html.includes('class=lc') && page.html.includes('/m/') && page.html; }, 'the picture on the page');
    const img = /<a class=lc [^>]*><img src="(\/m\/[^"]+)" width="640" height="336" alt="A grey field"/.exec(html);
    check('small, with its size and words', img !== null, html.slice(html.indexOf('class=lc'), html.indexOf('class=lc') + 500));
});

await part('no link leads into our own network', async () => {
    pages.set('/away', `<title>t</title>`);
    const port = new URL(hidden).port;
    const links = [`${hidden}/a`, `http://localhost:${port}/a`, `http://2130706433:${port}/a`, `http://[::ffff:127.0.0.1]:${port}/a`, `http://0x7f.1:${port}/a`, 'http://169.254.169.254/latest/meta-data/', `http://[64:ff9b::7f00:1]:${port}/a`,
        `http://[2002:7f00:1::]:${port}/a`, `http://user:pass@127.0.0.1:${port}/a`, `${BASE}/about`];
    const made = await Promise.all(links.map((link) => say(`See ${link}`)));
    pages.set('/picture', `<title>picture</title><meta property=og:image content="${hidden}/a.png">`);
    const last = await say(`See ${at('/picture')}`); // handled after all of them
    await card(last.id);
    for (const [i, one] of made.entries())
        equal(`no card: ${links[i]}`, (await api('GET', `/statuses/${one.id}`)).card, null);
    equal('nobody was asked', asked.filter((req) => req.headers.host?.endsWith(`:${port}`)).length, 0);
});

await part('what a page says can not turn the text around it', async () => {
    pages.set('/turned', '<title>\u202Etxt.exe\u0000 \u2067\u05d0\u05d1</title><meta property=og:site_name content="\u202Dsite\u2066">');
    const made = await say(`See ${at('/turned')}`);
    const got = await card(made.id);
    equal('no marks of direction', [got.title, got.provider_name], ['txt.exe \u05d0\u05d1', 'site']);
    const path = new URL(made.url).pathname;
    const html = await until(async () => { const page = await stranger.get(path); return page.html.includes('txt.exe') && page.html; }, 'the card on the page');
    check('each text by itself', /<a class=lc [^>]*>.*?<span dir=auto>.*?<small><bdi>site<\/bdi><\/small><b>txt\.exe/.test(html), html.slice(html.indexOf('class=lc'), html.indexOf('class=lc') + 500));
});

await part('posts that are not for everybody are not looked at', async () => {
    pages.set('/private', '<title>private</title>');
    const made = await say(`See ${at('/private')}`, { visibility: 'private' });
    pages.set('/later', '<title>later</title>');
    await card((await say(`See ${at('/later')}`)).id);
    equal('no card', (await api('GET', `/statuses/${made.id}`)).card, null);
    equal('not asked', asks('/private').length, 0);
});

await part('an edit lets go', async () => {
    pages.set('/edit', '<title>edit</title>');
    const made = await say(`See ${at('/edit')}`);
    await card(made.id);
    await api('PUT', `/statuses/${made.id}`, { status: 'nothing to see' });
    await until(async () => (await api('GET', `/statuses/${made.id}`)).card === null, 'the card is gone');
    check('so it is', true);
});

await part('a link of a profile is verified', async () => {
    pages.set('/me', `<a rel="me" href="${BASE}/@ann">ann</a>`);
    pages.set('/not', `<a href="${BASE}/@ann">ann</a>`);
    pages.set('/plain', `<a rel="me" href="${BASE}/@ann">ann</a>`);
    await api('PATCH', '/accounts/update_credentials',
        { fields_attributes: [{ name: 'Web', value: securely('/me') }, { name: 'Other', value: securely('/not') }, { name: 'Plain', value: at('/plain') }] });
    const fields = await until(async () => { const { fields: all } = await api('GET', '/accounts/verify_credentials'); return all[0].verified_at && all; }, 'it is verified');
    check('a time', !Number.isNaN(Date.parse(fields[0].verified_at)));
    await until(() => asks('/not').length > 0, 'the other one is looked at');
    equal('the others are not', (await api('GET', '/accounts/verify_credentials')).fields.map((field) => field.verified_at !== null), [true, false, false]);
    equal('plain http is not even asked', asks('/plain').length, 0);
    const html = await until(async () => { const page = await stranger.get('/@ann'); return page.html.includes('aria-label="Verified"') && page.html; }, 'the mark on the page');
    equal('one mark', html.split('aria-label="Verified"').length, 2);
    await api('PATCH', '/accounts/update_credentials', { fields_attributes: [{ name: 'Web', value: 'plain' }] });
    equal('gone at once', (await api('GET', '/accounts/verify_credentials')).fields[0].verified_at, null);
});

check('signed in all the while', (await session.get('/')).status === 200);
web.close();
secure.close();
secret.close();
await finish();
