// The pictures of docs/screenshots, small enough for a repository: made anew by
//   tests/harness/stack.sh site node tests/browser/_screenshots.mjs
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import zlib from 'node:zlib';
import { DEMO_PASSWORD, deeplink, launch, logIn, newPage, open, write } from './lib.mjs';

const folder = path.join(process.env.TEST_ROOT ?? '.', 'docs/screenshots');
const MOST = 150_000;

// Enough of a day for the pictures: ada follows who writes, and has something of her own.
async function setUp() {
    await deeplink('demo');
    const ada = await logIn('ada', DEMO_PASSWORD), bo = await logIn('bo', DEMO_PASSWORD);
    await ada.submit((await ada.get('/settings/privacy')).form('/settings/privacy'), { locked: '1' });
    await bo.act(`/members/${/\/members\/(\d+)\//.exec((await bo.get('/@ada')).html)[1]}/follow`);
    const posts = [...(await ada.get('/')).html.matchAll(/formaction="(\/posts\/\d+\/)like"/g)].map((m) => m[1]);
    for (const post of [posts[1], posts[3]])
        await ada.act(`${post}like`);
    await ada.act(`${posts[2]}bookmark`);
    const kofi = await logIn('kofi', DEMO_PASSWORD);
    const profile = (await kofi.get('/settings/profile')).form('/settings/profile');
    await kofi.submit(profile, { field_name_1: 'Place', field_value_1: 'Harbour school, the roof', field_name_2: 'Web', field_value_2: 'https://example.org/astronomy',
        field_name_3: 'Open', field_value_3: 'Thursdays, clear sky' });
    const thread = /href="(\/@jun\/\d+)#comments"/.exec((await ada.get('/@jun')).html)[1];
    await write(ada, 'Count me in. I bring the label printer, so that we find everything again.', {}, thread);
    await ada.get('/');  // what it says about the comment, it says once
    return { ada, thread };
}

// ---- Small pictures: 256 colours, chosen by median cut ---------------------------------------------------------------

/** The pixels of a PNG, four bytes each, by the browser's own decoder. */
async function pixels(browser, png) {
    const page = await browser.newPage();
    const { width, height, data } = await page.evaluate(async (url) => {
        const image = await createImageBitmap(await (await fetch(url)).blob());
        const context = new OffscreenCanvas(image.width, image.height).getContext('2d');
        context.drawImage(image, 0, 0);
        const bytes = context.getImageData(0, 0, image.width, image.height).data;
        let text = '';
        for (let i = 0; i < bytes.length; i += 8192)
            text += String.fromCharCode(...bytes.subarray(i, i + 8192));
        return { width: image.width, height: image.height, data: btoa(text) };
    }, `data:image/png;base64,${png.toString('base64')}`);
    await page.close();
    return { width, height, data: Buffer.from(data, 'base64') };
}

const widest = (box) => [0, 1, 2].map((c) => [Math.max(...box.map((e) => e.rgb[c])) - Math.min(...box.map((e) => e.rgb[c])), c]).sort((a, b) => b[0] - a[0])[0];

/** At most n colours for these: boxes are cut where they are widest, each then is its mean. */
function palette(colours, n) {
    const boxes = [{ list: colours, span: widest(colours) }];
    while (boxes.length < n) {
        const i = boxes.reduce((best, box, k) => (box.span[0] > boxes[best].span[0] ? k : best), 0), { list, span } = boxes[i];
        if (span[0] === 0)
            break;
        list.sort((a, b) => a.rgb[span[1]] - b.rgb[span[1]]);
        const half = list.reduce((sum, e) => sum + e.count, 0) / 2;
        let at = 0;
        for (let sum = 0; at < list.length - 1 && sum < half; at++)
            sum += list[at].count;
        const halves = [list.slice(0, at || 1), list.slice(at || 1)].filter((l) => l.length > 0);
        boxes.splice(i, 1, ...halves.map((l) => ({ list: l, span: l.length > 1 ? widest(l) : [0, 0] })));
    }
    return boxes.map(({ list }, index) => {
        const all = list.reduce((sum, e) => sum + e.count, 0);
        list.forEach((e) => { e.index = index; });
        return [0, 1, 2].map((c) => Math.round(list.reduce((sum, e) => sum + e.rgb[c] * e.count, 0) / all));
    });
}

const crcs = Uint32Array.from({ length: 256 }, (_, n) => {
    for (let k = 0; k < 8; k++)
        n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
    return n;
});
const crc32 = (bytes) => (bytes.reduce((c, byte) => crcs[(c ^ byte) & 0xff] ^ (c >>> 8), 0xffffffff) ^ 0xffffffff) >>> 0;

function chunk(type, data) {
    const body = Buffer.concat([Buffer.from(type), data]), out = Buffer.alloc(body.length + 8);
    out.writeUInt32BE(data.length, 0);
    body.copy(out, 4);
    out.writeUInt32BE(crc32(body), body.length + 4);
    return out;
}

/** The same picture as a PNG with a palette (W3C PNG, colour type 3). */
async function shrink(browser, png) {
    const { width, height, data } = await pixels(browser, png), seen = new Map();
    for (let i = 0; i < data.length; i += 4) {
        const key = data.readUIntBE(i, 3), entry = seen.get(key);
        if (entry)
            entry.count++;
        else
            seen.set(key, { rgb: [data[i], data[i + 1], data[i + 2]], count: 1 });
    }
    const colours = palette([...seen.values()], 256), rows = Buffer.alloc((width + 1) * height);
    for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++)
            rows[y * (width + 1) + x + 1] = seen.get(data.readUIntBE((y * width + x) * 4, 3)).index;
    const head = Buffer.alloc(13);
    head.writeUInt32BE(width, 0);
    head.writeUInt32BE(height, 4);
    head.set([8, 3, 0, 0, 0], 8);
    return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), chunk('IHDR', head), chunk('PLTE', Buffer.from(colours.flat())),
        chunk('IDAT', zlib.deflateSync(rows, { level: 9 })), chunk('IEND', Buffer.alloc(0))]);
}

async function picture(browser, name, client, address, options) {
    const context = await open(browser, { client, ...options });
    const page = await newPage(context);
    await page.goto(address, { waitUntil: 'load' });
    const file = path.join(folder, `${name}.png`), small = await shrink(browser, await page.screenshot());
    await writeFile(file, small);
    console.log(`${file}: ${small.length} bytes`);
    if (small.length > MOST)
        throw new Error(`${file} is larger than ${MOST} bytes`);
    await context.close();
}

await mkdir(folder, { recursive: true });
const { ada, thread } = await setUp();
const browser = await launch();
const desktop = { viewport: { width: 1280, height: 860 } };
await picture(browser, 'home-desktop', ada, '/', desktop);
await picture(browser, 'home-phone-dark', ada, '/', { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, colorScheme: 'dark' });
await picture(browser, 'profile-desktop', ada, '/@kofi', desktop);
await picture(browser, 'thread-desktop', ada, thread, desktop);
await browser.close();
