// Uploads in the composer when they take long or go wrong: cancelled, cut off, tried again, and told to who does not see the bar.
// harness: set rate_limits = no
import { readdirSync } from 'node:fs';
import net from 'node:net';
import { BASE, axeFinds, check, equal, finish, launch, member, newPage, nothing, open, part, until } from './lib.mjs';
import { choose, file, items, noise, photo, post, reloadUntil } from './lib_media.mjs';

const browser = await launch(), ada = await member('ada');

// The line between browser and site, which can be cut.
const ends = new Set();
let whole = true;
const line = net.createServer((near) => {
    const far = net.connect(new URL(BASE).port, new URL(BASE).hostname);
    for (const [one, other] of [[near, far], [far, near]]) {
        ends.add(one);
        one.on('error', () => other.destroy());
        one.on('close', () => {
            ends.delete(one);
            other.destroy();
        });
        one.pipe(other);
    }
    if (!whole)
        near.destroy();
});
await new Promise((done) => { line.listen(0, '127.0.0.1', done); });

function cut() {
    whole = false;
    for (const socket of ends)
        socket.destroy();
}

const context = await open(browser, { client: ada, proxy: { server: `http://127.0.0.1:${line.address().port}` } }), page = await newPage(context);
const network = await context.newCDPSession(page);
const large = noise('large.png'), small = photo('small.jpg', 300, 200);
const active = () => page.evaluate(() => document.activeElement.outerHTML.slice(0, 80));

/** So many bytes a second can be sent; 0: as fast as it goes. */
const speed = (bytes) => network.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: bytes || -1 });

await network.send('Network.enable');

/** Begins to send the files, slowly, and waits until some of the first one is on its way. */
async function begin(paths) {
    await page.goto('/compose');
    await page.locator('#text').focus();
    await page.waitForFunction(() => document.querySelector('.composer').dataset.files);
    await speed(100000);
    await page.locator('#file').setInputFiles(paths);
    await until(() => page.locator('.coming progress').first().evaluate((p) => p.value > 0.05 && p.value < 0.9), 'a part of it sent', 30);
}

await part('cancelled while it is sent', async () => {
    await begin([large, small]);
    nothing('axe finds nothing meanwhile', await axeFinds(page));
    equal('the file is named', await page.locator('.coming b').first().textContent(), 'large.png');
    await page.locator('.coming').first().getByRole('button', { name: 'Cancel' }).focus();
    await page.keyboard.press('Enter');
    await until(async () => await page.locator('.coming', { hasText: 'large.png' }).count() === 0, 'the end of it');
    check('the focus is not lost', await page.evaluate(() => !!document.activeElement.closest('.composer')), await active());
    await speed(0);
    await until(async () => await items(page).count() === 1, 'the next one', 30);
    await page.locator('[name=words_1]').fill('The small one');
    await page.fill('#text', 'One was cancelled');
    await until(() => readdirSync(`${process.env.TEST_SITE}/spool/incoming`).length === 0, 'the end of what nginx had of it');
    await post(page);
    await reloadUntil(page, '.focus a.shot img', 'the picture');
    equal('only that is in the post', await page.locator('.focus a.shot').count(), 1);
});

await part('cancelled by who has pressed Post already', async () => {
    await begin([large]);
    await page.fill('#text', 'Without it, then');
    await page.locator('.composer .tools button', { hasText: /^Post$/ }).click();
    equal('the post waits', await page.locator('.composer .tools [aria-busy=true]').count(), 1);
    await Promise.all([page.waitForURL(/\/@ada\/\d+/), page.locator('.coming').getByRole('button', { name: 'Cancel' }).click()]);
    await speed(0);
    equal('it goes without the file', await page.locator('.focus a.shot').count(), 0);
});

await part('the network is cut, and comes back', async () => {
    await begin([large]);
    await page.fill('#text', 'Through a tunnel');
    cut();
    const item = page.locator('.att.failed');
    await item.waitFor();
    check('it is said', /connection was lost/.test(await item.locator('.error').textContent()));
    equal('and read aloud', await item.locator('.error').getAttribute('role'), 'alert');
    equal('no bar stands there', await item.locator('progress').isVisible(), false);
    nothing('axe finds nothing', await axeFinds(page));
    await page.locator('.composer .tools button', { hasText: /^Post$/ }).click();
    check('the post does not go without it', await page.evaluate(() => document.activeElement.matches('.failed [data-do=again]')), await active());
    page.problems.splice(0); // the browser says that it was cut off
    await page.keyboard.press('Enter');
    await until(() => page.locator('.att.failed .error').evaluate((e) => e.textContent !== ''), 'the words again');
    whole = true;
    await item.getByRole('button', { name: 'Try again' }).focus();
    await page.keyboard.press('Enter');
    check('the focus is on what ends it', await page.evaluate(() => document.activeElement.matches('.coming [data-do=cancel]')), await active());
    await speed(0);
    await until(async () => await items(page).count() === 1, 'the file', 60);
    check('it goes on to what is to be written about the file', await page.evaluate(() => document.activeElement.name === 'words_1'), await active());
    equal('the words are there', await page.inputValue('#text'), 'Through a tunnel');
    await page.locator('[name=words_1]').fill('Noise');
    await post(page);
    await reloadUntil(page, '.focus a.shot img', 'the picture');
    check('the post has it', await page.locator('.focus a.shot').count() === 1);
});

await part('how far it is is read aloud', async () => {
    await page.goto('/compose');
    await page.locator('#text').focus();
    await page.waitForFunction(() => document.querySelector('.composer').dataset.files);
    await page.evaluate(() => {
        globalThis.told = [];
        new MutationObserver(() => {
            const words = document.querySelector('.composer .told[role=status]')?.textContent;
            if (words && words !== globalThis.told.at(-1))
                globalThis.told.push(words);
        }).observe(document.querySelector('.composer'), { subtree: true, childList: true, characterData: true });
    });
    await speed(400000);
    await page.locator('#file').setInputFiles([large]);
    check('the bar has a name', await page.locator('.coming progress').getAttribute('aria-label') !== null);
    await until(async () => await items(page).count() === 1, 'the file', 60);
    const told = await page.evaluate(() => globalThis.told);
    check('by steps', told.filter((t) => /^large\.png: \d+ %$/.test(t)).length >= 2 && told.length <= 6, told.join(' | '));
    equal('to the end', told.at(-1), 'large.png: sent');
    await speed(0);
    await page.locator('#file').setInputFiles([file('broken.jpg', '<html></html>')]);
    await page.locator('.att.failed').waitFor();
    check('a refusal is an alert, not an end', (await page.locator('.told').textContent()) === 'large.png: sent');
    page.problems.splice(0);
});

await part('taken out again, it makes room', async () => {
    const used = async () => (await ada.get('/settings/media')).text.match(/(\d+) files?/)[1];
    const before = await used();
    await page.goto('/compose');
    await choose(page, small, true);
    check('in the form it takes some', await used() !== before);
    await page.locator('.att').getByRole('button', { name: 'Remove' }).click();
    check('the focus is in the text', await page.evaluate(() => document.activeElement.id === 'text'), await active());
    await until(async () => await used() === before, 'the room');
});

await browser.close();
line.close();
finish();
