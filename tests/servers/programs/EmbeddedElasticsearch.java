import java.util.List;
import java.util.Map;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.transport.Netty4Plugin;

/** One Elasticsearch node: folder, HTTP port, transport port. */
public class EmbeddedElasticsearch {
  static class WithHttp extends Node {
    WithHttp(Settings settings) {
      // The only way in for a plugin that is no folder on the disk.
      super(InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), null, () -> "test"),
          List.of(Netty4Plugin.class), false);
    }
  }

  public static void main(String[] arguments) throws Exception {
    new WithHttp(Settings.builder()
        .put("path.home", arguments[0])
        .put("path.data", arguments[0] + "/data")
        .put("cluster.name", "test")
        .put("http.port", arguments[1])
        .put("transport.port", arguments[2])
        .put("network.host", "127.0.0.1")
        .put("discovery.type", "single-node")
        .put("http.type", "netty4")
        .put("transport.type", "netty4")
        .put("cluster.routing.allocation.disk.threshold_enabled", false)
        .put("node.processors", 1)
        .build()).start();
    Thread.currentThread().join();
  }
}
