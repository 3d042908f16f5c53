// A member keeps a list of some whom she follows, with a script and without one: makes it, puts people on it, reads it, keeps
// it out of home, and deletes it.
// harness: set rate_limits = no
import { check, equal, finish, launch, logIn, member, newPage, open, part, write } from './lib.mjs';

const browser = await launch();
for (const handle of ['ada', 'ben', 'cleo'])
    await member(handle, { name: handle === 'ben' ? 'Ben Baker' : handle });
const ada = await logIn('ada'), ben = await logIn('ben');
const idOf = async (handle) => /\/members\/(\d+)\//.exec((await ada.get(`/@${handle}`)).html)[1];
await ada.act(`/members/${await idOf('ben')}/follow`);
await write(ben, 'Bread is ready.');

async function journey(script) {
    const page = await newPage(await open(browser, { client: ada, script }));
    const press = (name) => Promise.all([page.waitForNavigation(), page.getByRole('button', { name }).first().click()]);
    const bread = () => page.getByText('Bread is ready.').count();

    await page.goto('/lists');
    await page.getByLabel('Name of a new list').fill('Bakers');
    await press('Make the list');
    check('whom she follows is offered', await page.getByText('Ben Baker').first().isVisible());
    equal('and nobody else', await page.getByText('@cleo').count(), 0);
    await press('Add Ben Baker');
    check('he is on it', await page.getByRole('button', { name: 'Remove Ben Baker' }).isVisible());
    await page.getByRole('link', { name: 'Bakers' }).click();
    equal('his posts stand there', [await page.locator('h1').textContent(), await bread()], ['Bakers', 1]);
    await page.goto('/');
    equal('and at home', await bread(), 1);
    await page.goto('/lists');
    await page.getByRole('link', { name: 'Change Bakers' }).click();
    await page.getByLabel('Name').fill('Bakers and others');
    await page.getByLabel('None').check();
    await page.getByLabel('Keep their posts out of your home').check();
    await press('Save');
    equal('it has its new name', [await page.locator('h1').textContent(), await bread()], ['Bakers and others', 1]);
    await page.goto('/');
    equal('home is without him', await bread(), 0);
    await page.goto('/@ben');
    await page.locator('.profile .menu summary').click();
    await page.getByRole('link', { name: 'Add to a list' }).click();
    await press('Remove Bakers and others');
    check('off it', await page.getByRole('button', { name: 'Add Bakers and others' }).isVisible());
    await page.goto('/');
    equal('home has him again', await bread(), 1);
    await page.goto('/lists');
    await page.getByRole('link', { name: 'Change Bakers and others' }).click();
    equal('what was chosen stands there', [await page.getByLabel('None').isChecked(), await page.getByLabel('Keep their posts').isChecked()], [true, true]);
    await page.getByRole('link', { name: 'Delete the list' }).click();
    await press('Delete the list');
    equal('it is gone', await page.getByText('Bakers').count(), 0);
    equal('nothing went wrong', page.problems, []);
    await page.close();
}

await part('with a script', () => journey(true));
await part('without one', () => journey(false));
await browser.close();
await finish();
