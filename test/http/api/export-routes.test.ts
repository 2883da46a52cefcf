import t from 'tap'
import { openTestDepot } from '../../helpers/app.ts'
import { smallRepository, UEFI } from '../../helpers/packages.ts'
import { equalProblem } from '../error-body.ts'

const FIRMWARE = '/updateRepositories/firmware'

t.test('an export is canceled once; one that has ended is not', async (t) => {
  const depot = await openTestDepot(t, smallRepository())
  const request = { method: 'PUT', payload: { fixids: [UEFI] } } as const
  const { taskid } = (await depot.call(`${FIRMWARE}?action=export`, request)).json()
  const cancel = (id: number | string) => depot.call(`/api/v1/exports/${id}`, { method: 'DELETE' })
  t.match(await cancel(taskid), { statusCode: 204, body: '' })
  t.match((await depot.call(`${FIRMWARE}/status?taskid=${taskid}`)).json(), { state: 'canceled' })
  const ended = { status: 409, id: 'FQXHMUP9014L', text: /^The export \d+ has ended already\.$/ }
  equalProblem(t, await cancel(taskid), ended)
  const { taskid: complete } = await depot.export({ fixids: [UEFI] })
  equalProblem(t, await cancel(complete), ended)
})

t.test('what is no export cannot be canceled as one', async (t) => {
  const depot = await openTestDepot(t, smallRepository())
  const { taskid } = (await depot.call(`${FIRMWARE}?action=read`, { method: 'PUT' })).json()
  for (const id of [taskid, 77]) {
    equalProblem(t, await depot.call(`/api/v1/exports/${id}`, { method: 'DELETE' }), {
      status: 404,
      id: 'FQXHMUP9017L',
      text: new RegExp(`^There is no export ${id}\\.$`)
    })
  }
  t.match((await depot.call(`${FIRMWARE}/status?taskid=${taskid}`)).json(), { state: 'created' })
})
