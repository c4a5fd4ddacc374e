import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.bson.Document;
import io.netty.channel.Channel;
import java.util.List;

/**
 * MongoDB's protocol, in memory, on one port.
 *
 * <p>Of itself mongo-java-server says wire version 8, which today's drivers refuse, and knows neither `hello` nor
 * sessions. This one says that it is the one member of a replica set of MongoDB 5.0, and takes the commands that end
 * transactions; there is no atomicity behind them.
 */
public class EmbeddedMongo {
  static String address;

  static class Backend extends MemoryBackend {
    @Override
    public Document handleCommand(Channel channel, String database, String command, Document query) {
      switch (command.toLowerCase()) {
        case "hello":
        case "ismaster":
          return new Document("ismaster", true)
              .append("isWritablePrimary", true)
              .append("helloOk", true)
              .append("setName", "rs")
              .append("setVersion", 1)
              .append("hosts", List.of(address))
              .append("primary", address)
              .append("me", address)
              .append("minWireVersion", 0)
              .append("maxWireVersion", 13)
              .append("maxBsonObjectSize", 16777216)
              .append("maxMessageSizeBytes", 48000000)
              .append("maxWriteBatchSize", 100000)
              .append("logicalSessionTimeoutMinutes", 30)
              .append("readOnly", false)
              .append("ok", 1.0);
        case "committransaction":
        case "aborttransaction":
        case "endsessions":
          return new Document("ok", 1.0);
        default:
          return super.handleCommand(channel, database, command, query);
      }
    }
  }

  public static void main(String[] arguments) throws Exception {
    address = "127.0.0.1:" + arguments[0];
    MongoVersion five = new MongoVersion() {
      @Override
      public List<Integer> getVersionArray() {
        return List.of(5, 0, 0);
      }

      @Override
      public int getWireVersion() {
        return 13;
      }
    };
    new MongoServer(new Backend().version(five)).bind("127.0.0.1", Integer.parseInt(arguments[0]));
    Thread.currentThread().join();
  }
}
