// The API's reference for readers: on a phone and a desktop, light and dark, without script, and nothing that axe finds.
// harness: long
import { axeFinds, check, DESKTOP, equal, finish, launch, layoutFaults, newPage, open, overflow, part, PHONE } from './lib.mjs';

const browser = await launch();
for (const [name, viewport] of [['phone', PHONE], ['tablet', { width: 768, height: 1024 }], ['desktop', DESKTOP]])
    for (const colorScheme of ['light', 'dark'])
        await part(`${name} ${colorScheme}`, async () => {
            const context = await open(browser, { viewport, script: false, colorScheme });
            const page = await newPage(context);
            for (const path of ['/docs/api', '/docs/api/user', '/docs/api/post', '/docs/api/objects']) {
                await page.goto(path);
                equal(`${path} ${name} ${colorScheme}: axe`, await axeFinds(page), []);
                equal(`${path} ${name} ${colorScheme}: nothing sticks out`, await overflow(page), []);
                equal(`${path} ${name} ${colorScheme}: nothing is cut`, await layoutFaults(page), []);
                equal(`${path} ${name} ${colorScheme}: no fault`, page.problems, []);
                if (process.env.SHOTS)
                    await page.screenshot({ path: `${process.env.SHOTS}${path.replaceAll('/', '-')}-${name}-${colorScheme}.png` });
            }
            await context.close();
        });
await part('links', async () => {
    const page = await newPage(await open(browser, { script: false }));
    await page.goto('/docs/api');
    await page.getByRole('link', { name: 'POST /api/v1/statuses', exact: true }).click();
    check('an operation is a link away', new URL(page.url()).hash === '#post_v1_statuses');
    equal('and stands there', await page.locator('#post_v1_statuses h2').count(), 1);
});
await browser.close();
await finish();
