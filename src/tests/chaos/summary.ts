export interface Summary {
  readonly leases: number;
  readonly waiting: number;
}

/** What the scheduler at `address` counts now, asked over a connection that does not outlive the answer. */
export async function summary(address: string): Promise<Summary> {
  const response = await fetch(`http://${address}/minifaas.admin.v1.ClusterService/GetSummary`, {
    method: "POST",
    headers: { "content-type": "application/json", connection: "close" },
    body: "{}",
  });
  const { leases = 0, waiting = 0 } = await response.json();
  return { leases: Number(leases), waiting: Number(waiting) };
}
