// Pictures of a post, large, as they are turned on a phone by swipes and by keys.
// harness: set rate_limits = no
import { PHONE, check, equal, finish, launch, member, newPage, open, part, silent, until } from './lib.mjs';
import { choose, photo, post, reloadUntil } from './lib_media.mjs';

const browser = await launch(), ada = await member('ada');
const context = await open(browser, { client: ada, viewport: PHONE }), page = await newPage(context);
const touch = await context.newCDPSession(page);
const viewer = page.locator('dialog.viewer'), shown = () => viewer.locator('figcaption p').textContent();
const turned = (n, how) => until(async () => await shown() === `Number ${n}`, `picture ${n}, ${how}`);

/** A finger goes that way over the middle of the picture. */
async function swipe(dx, dy = 0) {
    const [x, y] = [PHONE.width / 2 - dx / 2, 320 - dy / 2];
    await touch.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [{ x, y }] });
    for (let i = 1; i <= 8; i++)
        await touch.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: [{ x: x + dx * i / 8, y: y + dy * i / 8 }] });
    await touch.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
}

/** Nothing is fetched, and nothing turns. */
async function stays(n, how, act) {
    let asked = 0;
    const note = (r) => { asked += /\/media\/\d+$/.test(r.url()); };
    page.on('request', note);
    await act();
    await page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); }));
    page.off('request', note);
    equal(`${how} turns nothing`, [await shown(), asked], [`Number ${n}`, 0]);
}

const close = async (how, act) => {
    await act();
    await until(async () => !await viewer.isVisible(), `the end, ${how}`);
    equal(`${how}: the focus is back on the picture`, await page.evaluate(() => document.activeElement.className), 'shot');
};

await part('a post with three pictures', async () => {
    await page.goto('/compose');
    await choose(page, [photo('1.png', 800, 600), photo('2.png', 600, 1200), photo('3.png', 800, 400)], true);
    for (const n of [1, 2, 3])
        await page.locator(`[name=words_${n}]`).fill(`Number ${n}`);
    await post(page);
    await reloadUntil(page, '.focus a.shot:nth-of-type(3) img', 'three pictures');
});

await part('by swipes', async () => {
    await page.locator('.focus a.shot').first().tap();
    await viewer.waitFor();
    await close('the button', () => viewer.locator('.close').tap());
    await page.locator('.focus a.shot').first().tap();
    await viewer.waitFor();
    await stays(1, 'a swipe before the first', () => swipe(200));
    await swipe(-200);
    await turned(2, 'by a swipe');
    await stays(2, 'a swipe up', () => swipe(-20, -200));
    await stays(2, 'a short one', () => swipe(-40));
    await swipe(-200);
    await turned(3, 'by another');
    await stays(3, 'a swipe behind the last', () => swipe(-200));
    await swipe(200);
    await turned(2, 'back');
    await page.evaluate(() => { document.dir = 'rtl'; });
    await swipe(200);
    await turned(3, 'by a swipe, where one reads from the right');
    await page.evaluate(() => { document.dir = 'ltr'; });
    await close('a click', () => viewer.locator('.close').click());
});

await part('by keys', async () => {
    await page.locator('.focus a.shot').nth(1).focus();
    await page.keyboard.press('Enter');
    await viewer.waitFor();
    await turned(2, 'the one that was chosen');
    await page.keyboard.press('ArrowRight');
    await turned(3, 'by the arrow');
    await until(() => page.evaluate(() => document.activeElement.matches('.close')), 'the focus on what is left to press');
    await stays(3, 'the arrow at the end', () => page.keyboard.press('ArrowRight'));
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Shift+Tab');
    check('the way back is reached by Tab', await page.evaluate(() => document.activeElement.rel === 'prev'));
    await page.keyboard.press('Enter');
    await turned(2, 'by its link');
    for (let i = 0; i < 8; i++)
        await page.keyboard.press('Tab');
    check('Tab stays inside', await page.evaluate(() => document.activeElement === document.body || !!document.activeElement.closest('dialog')));
    await viewer.locator('.close').focus();
    await close('Enter', () => page.keyboard.press('Enter'));
    await page.keyboard.press('Enter');
    await viewer.waitFor();
    await close('Escape', () => page.keyboard.press('Escape'));
    silent(page, 'the gallery');
});

await browser.close();
finish();
