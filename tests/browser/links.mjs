// The card of a linked page as readers see it: a plain link with a picture of our own store, on a phone and a desktop, by
// light and by night, with a script and without; the other site sees nobody before they follow the link.
// harness: set fetch_allow = 127.77.0.1:18078
import http from 'node:http';
import { png } from '../http/lib_png.mjs';
import { BASE, DESKTOP, PHONE, axeFinds, check, equal, finish, inspect, launch, member, newPage, nothing, open, part, silent, until, write } from './lib.mjs';

const asked = [], pages = new Map([
    ['/story', `<html lang=en><title>x</title><meta property=og:title content="The long road home: how a small harbour mended its own boats for forty years and some more">
        <meta property=og:description content="${'They began with one shed and a borrowed saw. '.repeat(5)}"><meta property=og:site_name content="The Harbour Gazette"><meta property=og:image content=/p.png><meta property=og:image:alt content="A shed">`],
    ['/bare', '<title>Without a picture</title>'],
    ['/p.png', png(1200, 630)],
]);
const web = http.createServer((req, res) => {
    const page = pages.get(req.url);
    asked.push(req.headers['user-agent']);
    res.writeHead(page ? 200 : 404, { 'content-type': Buffer.isBuffer(page) ? 'image/png' : 'text/html' }).end(page ?? '');
});
await new Promise((resolve, reject) => { web.on('error', reject).listen(18078, '127.77.0.1', resolve); });
const at = (path) => `http://127.77.0.1:18078${path}`;

const ann = await member('ann', { name: 'Ann' });
const bare = await write(ann, `Nothing to see at ${at('/bare')}`), story = await write(ann, `Read ${at('/story')}`);
await until(async () => (await ann.get(story)).html.includes('alt="A shed"') && (await ann.get(bare)).html.includes('class=lc'), 'both cards', 150);

const browser = await launch();
for (const [viewport, width] of [[PHONE, 'phone'], [DESKTOP, 'desktop']])
    for (const scripts of [true, false]) {
        const name = `${width}, ${scripts ? 'with' : 'without'} script`;
        await part(name, async () => {
            const context = await open(browser, { viewport, client: ann, script: scripts });
            const page = await newPage(context), hosts = new Set();
            page.on('request', (request) => hosts.add(new URL(request.url()).origin));
            await page.goto('/@ann');
            const card = page.locator('a.lc', { hasText: 'The long road home' });
            await card.scrollIntoViewIfNeeded();
            equal(`${name}: the link`, [await card.getAttribute('href'), await card.getAttribute('rel')], [at('/story'), 'nofollow noopener noreferrer ugc']);
            const img = card.locator('img');
            await until(() => img.evaluate((e) => e.complete && e.naturalWidth === 640), 'the picture is there');
            equal(`${name}: its words`, await img.getAttribute('alt'), 'A shed');
            equal(`${name}: everything is from here`, [...hosts], [new URL(BASE).origin]);
            const box = await card.boundingBox();
            check(`${name}: it is small`, box.height < 180 && box.width <= viewport.width, JSON.stringify(box));
            equal(`${name}: one without a picture`, await page.locator('a.lc', { hasText: 'Without a picture' }).locator('img').count(), 0);
            if (scripts) {
                await inspect(page, name);
                for (const colorScheme of ['light', 'dark']) {
                    await page.emulateMedia({ colorScheme });
                    nothing(`${name}: axe, ${colorScheme}`, await axeFinds(page));
                }
                silent(page, name);
            }
            await context.close();
        });
    }
check('the other site saw the worker alone', asked.every((agent) => agent.startsWith('DeepLink/')), asked.join(' '));
await browser.close();
web.close();
await finish();
