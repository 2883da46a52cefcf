import t from 'tap'
import { covers, higherRole, isRole, lowerRole, ROLES } from '../../../../src/core/accounts/access.ts'

t.test('each role contains itself and those before it', async (t) => {
  const table = ROLES.map((role) => ROLES.map((needed) => covers(role, needed)))
  t.same(table, [
    [true, false, false, false],
    [true, true, false, false],
    [true, true, true, false],
    [true, true, true, true]
  ])
})

t.test('of two roles one is the lower and the other the higher', async (t) => {
  t.same([lowerRole('admin', 'viewer'), higherRole('admin', 'viewer')], ['viewer', 'admin'])
  t.same([lowerRole('exporter', 'operator'), higherRole('exporter', 'operator')], ['exporter', 'operator'])
  t.same(['viewer', 'root', 'constructor', ''].map(isRole), [true, false, false, false])
})
