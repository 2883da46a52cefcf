/** The description's page in a real browser: it is usable, and nothing of it is refused by its own rules. */
import t, { type Test } from 'tap'
import { listen, openTestDepot, PASSWORD, USER } from '../../helpers/app.ts'
import { findBrowser, openPage, type Page } from '../../helpers/browser.ts'
import { smallRepository } from '../../helpers/packages.ts'
import { until } from '../../helpers/server.ts'

const browser = findBrowser()
const options = browser === undefined ? { skip: 'there is no Chromium on this machine' } : {}

async function openDocs(t: Test): Promise<Page> {
  const depot = await openTestDepot(t, smallRepository())
  const url = await listen(depot.app)
  const page = await openPage(t, browser ?? '')
  await page.open(`${url}/docs`)
  return page
}

/** Where an operation is in the page. */
const block = (operationId: string) => `[id$="-${operationId}"]`

async function unfold(page: Page, operationId: string): Promise<void> {
  await page.click(`${block(operationId)} .opblock-summary-control`)
}

/**
 * Sends a call that is unfolded, and waits until it is answered with this status. The page fills its fields after it shows them, and
 * sends nothing while one that it needs is empty.
 */
async function execute(page: Page, operationId: string, status: string): Promise<void> {
  const button = `${block(operationId)} .execute`
  const find = (selector: string) => `document.querySelector(${JSON.stringify(`${block(operationId)} ${selector}`)})`
  await page.click(button)
  await until(`${operationId} is answered with ${status}`, async () => {
    if (await page.evaluate<boolean>(`${find('.parameters .invalid')} !== null`)) await page.click(button)
    const text = await page.evaluate<string>(
      `${find('.live-responses-table .response .response-col_status')}?.textContent.trim() ?? ''`
    )
    return text.startsWith(status)
  })
}

t.test('the page loads without complaints, and calls use the login that it offers', options, async (t) => {
  const page = await openDocs(t)
  await page.click('.btn.authorize')
  await page.fill('input[name="username"]', USER)
  await page.fill('input[name="password"]', PASSWORD)
  await page.click('.auth-container .authorize[type="submit"]')
  await page.click('.auth-container .btn-done')
  for (const operationId of ['listTasks', 'getPackage', 'changeFirmware']) {
    await unfold(page, operationId)
    await execute(page, operationId, '200')
  }
  t.same(page.complaints, [])
})

t.test('the page can be used with a session, as its text says', options, async (t) => {
  const page = await openDocs(t)
  await unfold(page, 'logIn')
  await page.fill(`${block('logIn')} textarea`, JSON.stringify({ UserId: USER, password: PASSWORD }))
  await execute(page, 'logIn', '200')
  await unfold(page, 'listSessions')
  await execute(page, 'listSessions', '200')
  t.same(page.complaints, [])

  await unfold(page, 'changeFirmware')
  await execute(page, 'changeFirmware', '403')
  const answer = await page.textOf(`${block('logIn')} .live-responses-table .highlight-code`)
  const [, csrf = ''] = /"csrf": "([^"]+)"/.exec(answer) ?? []
  await page.click('.btn.authorize')
  await page.fill('.auth-container:last-of-type input', csrf)
  await page.click('.auth-container:last-of-type .authorize')
  await page.click('.auth-container:last-of-type .btn-done')
  await execute(page, 'changeFirmware', '200')
})
