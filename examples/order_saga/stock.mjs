// The participant that keeps the stock: node stock.mjs HOST:PORT

import { ANY, connect, Done, Event, Refused } from "sagabase";

const store = connect(process.argv[2] ?? "127.0.0.1:2113");
const stock = { book: 3, lamp: 0 };

function append(item, type, data) {
  return { stream: `stock-${item}`, events: [new Event(type, data)], expected: ANY };
}

function told(handler) {
  return (command) => {
    console.log(`stock: ${command.type} of order ${command.sagaId}`);
    return handler(command);
  };
}

const participant = store.participant(
  ["stock"],
  {
    ReserveStock: told(({ sagaId, input: { item } }) => {
      if (!(stock[item] > 0)) throw new Refused("OutOfStock", `there is no ${item} left`);
      stock[item]--;
      return new Done({ shelf: 7 }, { appends: [append(item, "StockReserved", { order: sagaId })] });
    }),
    // The action may never have happened: then there is nothing to undo.
    ReleaseStock: told(({ sagaId, input: { item }, actionOutput }) => {
      if (actionOutput) stock[item]++;
      return new Done(undefined, { appends: [append(item, "StockReleased", { order: sagaId })] });
    }),
  },
  { name: "stock" },
);
await participant.run();
