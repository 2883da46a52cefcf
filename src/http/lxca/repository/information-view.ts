/** The schema of the answers to `key=…`: one member named like the key, and `status`. */
import { type Static, Type } from 'typebox'
import { MessageView } from '../../bodies/result-body.ts'
import { MachineTypeView } from './machine-type-view.ts'
import { UpdateView } from './package-view.ts'

const counters = {
  state: Type.String(),
  progress: Type.Integer(),
  current: Type.String(),
  total: Type.Integer({ description: 'All packages.' }),
  downloadednum: Type.Integer({ description: 'Packages whose payload is in the repository.' }),
  totalsize: Type.Integer(),
  downloadedsize: Type.Integer(),
  jobid: Type.Integer()
}

export const SizeView = Type.Object({
  freeSpace: Type.Integer({ description: 'Bytes.' }),
  usedSpace: Type.Integer({ description: 'Bytes.' }),
  allotment: Type.Integer({ description: 'Bytes that the repository can use.' }),
  highusage: Type.String({ description: '`low`, or `high` from 80 %.' })
})

export const InformationView = Type.Object(
  {
    updates: Type.Optional(Type.Array(UpdateView)),
    updatesByMt: Type.Optional(
      Type.Object({
        ...counters,
        updates: Type.Array(Type.Object({ mt: Type.String(), updates: Type.Array(UpdateView) }))
      })
    ),
    updatesByMtByComp: Type.Optional(Type.Object({ parameter: Type.String(), value: Type.Array(MachineTypeView) })),
    supportedMts: Type.Optional(Type.Array(MachineTypeView)),
    size: Type.Optional(SizeView),
    lastRefreshed: Type.Optional(Type.String({ description: 'MM-DD-YYYY-HH:MM, UTC; empty before the first scan.' })),
    importDir: Type.Optional(Type.String()),
    publicKeys: Type.Optional(Type.Array(Type.String())),
    uxsps: Type.Optional(Type.Array(UpdateView)),
    uxspsByMt: Type.Optional(
      Type.Object({
        ...counters,
        updates: Type.Array(Type.Object({ mt: Type.String(), uxsps: Type.Array(UpdateView) }))
      })
    ),
    status: Type.Object({ result: Type.String(), messages: Type.Array(MessageView) })
  },
  { title: 'RepositoryInformation', description: 'One member named like the key, and `status`.' }
)

export type InformationView = Static<typeof InformationView>
