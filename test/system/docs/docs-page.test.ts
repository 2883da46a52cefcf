/** The description's page in a real browser: it is usable, and nothing of it is refused by its own rules. */
import t, { type Test } from 'tap'
import { listen, openTestDepot, PASSWORD, USER } from '../../support/api/app.ts'
import { smallRepository } from '../../support/packages.ts'
import { findBrowser, openPage, type Page } from '../../support/servers/browser.ts'
import { until } from '../../support/servers/server.ts'

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

/** What the page shows of a call: the status of its answer, as soon as there is one. */
interface Shown {
  readonly status: string
  readonly isUnderWay: boolean
  readonly isIncomplete: boolean
}

/**
 * Sends a call that is unfolded, and waits until it is answered with this status. The page fills its fields after it
 * shows them, and sends nothing while one that it needs is empty; nor does a button that it draws anew under the click.
 */
async function execute(page: Page, operationId: string, status: string): Promise<void> {
  const look = (): Promise<Shown> =>
    page.evaluate<Shown>(`(() => {
      const block = document.querySelector(${JSON.stringify(block(operationId))})
      return {
        status: block.querySelector('.live-responses-table .response .response-col_status')?.textContent.trim() ?? '',
        isUnderWay: block.querySelector('.loading-container') !== null,
        isIncomplete: block.querySelector('.parameters .invalid') !== null
      }
    })()`)
  const button = `${block(operationId)} .execute`
  // An earlier answer would be taken for the one to come.
  await page.evaluate(`document.querySelector(${JSON.stringify(`${block(operationId)} .btn-clear`)})?.click()`)
  await page.click(button)
  let shown = await look()
  await until(
    () => `${operationId} is answered with ${status}; the page shows ${JSON.stringify(shown)}`,
    async () => {
      shown = await look()
      if (shown.isIncomplete || (shown.status === '' && !shown.isUnderWay)) await page.click(button)
      return shown.status.startsWith(status)
    }
  )
}

t.test('the page loads without errors, and its calls use its login', options, async (t) => {
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
  t.same(page.errors, [])
})

t.test('the page works with a session, as described', options, async (t) => {
  const page = await openDocs(t)
  await unfold(page, 'logIn')
  await page.fill(`${block('logIn')} textarea`, JSON.stringify({ UserId: USER, password: PASSWORD }))
  await execute(page, 'logIn', '200')
  await unfold(page, 'listSessions')
  await execute(page, 'listSessions', '200')
  t.same(page.errors, [])

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
