/** How clients log in and out that do not keep a session as pylxca does. */
import t, { type Test } from 'tap'
import { AUTHORIZATION, listen, PASSWORD, USER } from '../../support/api/app.ts'
import { connect, type RawAnswer } from '../../support/api/raw-http.ts'
import { openTlsDepot } from '../../support/api/tls-depot.ts'
import { smallRepository, XCC } from '../../support/packages.ts'

const FIRMWARE = '/updateRepositories/firmware'

const json = ({ body }: RawAnswer) => JSON.parse(body.toString())
const cookiesOf = ({ cookies }: RawAnswer) => cookies.map((cookie) => cookie.split(';', 1)[0] ?? '')

/** Sends a request on a connection of its own. */
async function start(t: Test) {
  const depot = await openTlsDepot(t, smallRepository())
  const url = await listen(depot.app)
  const host = `Host: ${new URL(url).host}`
  return {
    depot,
    async send(line: string, headers: readonly string[], body = ''): Promise<RawAnswer> {
      const length = body === '' && line.startsWith('GET') ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]
      return (await connect(t, url)).send([`${line} HTTP/1.1`, host, ...headers, ...length], body)
    }
  }
}

t.test('the credential check of xclarity_client 0.6.9 detects a wrong login by the status', async (t) => {
  const { send } = await start(t)
  const headers = ['User-Agent: LXCA via Ruby Client/0.6.9', 'Content-Type: application/json']
  const logIn = (password: string) => send('POST /sessions', headers, JSON.stringify({ UserId: USER, password }))
  t.equal((await logIn('wrong password')).status, 403)
  const answer = await logIn(PASSWORD)
  t.equal(answer.status, 200)
  // It takes the id of the first message for that of its session.
  const { id } = json(answer).messages[0]
  const logout = await send(`DELETE /sessions/${id}`, [...headers, `Authorization: ${AUTHORIZATION}`])
  t.equal(logout.status, 404)
  t.equal(json(logout).result, 'failed')
  const withoutLogin = await send(`DELETE /sessions/${id}`, headers)
  t.equal(withoutLogin.status, 401)
  t.equal(
    (await send('GET /aicc', ['User-Agent: LXCA via Ruby Client/0.6.9'])).status,
    302,
    'its probe takes 200 or 302'
  )
})

t.test('a PowerShell script logs in, polls without extending its session, and logs out', async (t) => {
  const { send } = await start(t)
  const common = [
    'User-Agent: Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) PowerShell/7.4',
    'Accept: application/json'
  ]
  const body = JSON.stringify({ UserId: USER, password: PASSWORD })
  const login = await send('POST /sessions', [...common, 'Content-Type: application/json'], body)
  const cookies = cookiesOf(login)
  const csrf = cookies.find((cookie) => cookie.startsWith('csrf='))?.slice(5)
  t.ok(csrf, 'without it the script stops')
  const headers = [
    ...common,
    `Cookie: ${cookies.join('; ')}`,
    `X-Csrf-token: ${csrf}`,
    'X-NOT-USER-INPUT: checkSession'
  ]
  t.equal((await send(`GET ${FIRMWARE}?key=updates`, headers)).status, 200)
  t.equal((await send(`PUT ${FIRMWARE}?action=read`, headers)).status, 200)
  t.match(json(await send('DELETE /sessions', headers)), { result: 'success' })
  t.equal((await send(`GET ${FIRMWARE}?key=updates`, headers)).status, 401)
})

t.test('the Go client requests an import by URL, and gets the reason of the refusal', async (t) => {
  const { send } = await start(t)
  const body = JSON.stringify({ files: [{ url: 'https://mirror.example/uefi.zip', checksum: 'ab12' }] })
  const headers = [
    'User-Agent: Go-http-client/1.1',
    'Content-Type: application/json',
    `Authorization: ${AUTHORIZATION}`
  ]
  const answer = await send(`POST /files${FIRMWARE}/import`, headers, body)
  t.equal(answer.status, 400)
  t.match(json(answer), { result: 'failed', messages: [{ text: /import by URL is not supported/ }] })
})

t.test('the Go client reads the token from the body, tests it, follows an export and cancels a task', async (t) => {
  const { depot, send } = await start(t)
  const common = ['User-Agent: Go-http-client/1.1', 'Accept-Encoding: gzip']
  const body = JSON.stringify({ userID: USER, password: PASSWORD })
  const login = await send('POST /sessions', [...common, 'Content-Type: application/json'], body)
  const { session } = json(login).response
  for (const member of ['csrf', 'id', 'inactivityTimeout']) t.type(session[member], 'string', member)
  const headers = [...common, `Cookie: ${cookiesOf(login).join('; ')}`, `X-Csrf-Token: ${session.csrf}`]
  t.equal((await send('GET /sessions', headers)).status, 200)

  const type = 'Content-Type: application/json'
  const started = await send(`PUT ${FIRMWARE}?action=export`, [...headers, type], JSON.stringify({ fixids: [XCC] }))
  const { taskid } = json(started)
  const running = json(await send(`GET ${FIRMWARE}/status`, headers))
  t.match(running, { status: String, message: String, progress: Number })
  const [task] = json(await send(`GET /tasks/${taskid}`, headers))
  t.match(task, { id: String(taskid), status: 'Pending', progress: Number, progressMessage: String })
  await depot.run('export')
  t.match(json(await send(`GET /tasks/${taskid}`, headers)), [{ status: 'Complete', progress: 100 }])

  const next = json(await send(`PUT ${FIRMWARE}?action=read`, headers)).taskid
  t.equal((await send(`DELETE /tasks/${next}`, headers)).status, 200)
  t.match(json(await send(`GET /tasks/${next}`, headers)), [{ status: 'Cancelled' }])
  t.equal((await send('DELETE /sessions', headers)).status, 200)
  t.equal((await send('GET /sessions', headers)).status, 401)
})
