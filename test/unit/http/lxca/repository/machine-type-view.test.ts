import t from 'tap'
import { machineTypeView } from '../../../../../src/http/lxca/repository/machine-type-view.ts'

const machine = (categories: string[]) => ({ type: '7X05', name: 'Lenovo ThinkSystem SR650 Server', categories })

t.test('all values of a machine type are strings', async (t) => {
  t.strictSame(machineTypeView(machine(['UEFI', 'XCC']), true), {
    type: '7X05',
    displayType: '7X05',
    name: 'Lenovo ThinkSystem SR650 Server',
    category: 'server',
    comp: '["UEFI","XCC"]',
    inventoryMT: 'false',
    supportDownload: 'false'
  })
  t.equal(machineTypeView(machine(['UEFI', 'XCC']), false).comp, '[]')
})

t.test('the category is the one that all packages match', async (t) => {
  for (const [categories, expected] of [
    [['Switches'], 'switch'],
    [['CMM2', 'FPC'], 'chassis'],
    [['Storage'], 'storage'],
    [['Switches', 'UEFI'], 'server'],
    [[], 'server']
  ] as const) {
    t.equal(machineTypeView(machine([...categories]), false).category, expected, categories.join())
  }
})
