/** One Kafka broker that is its own controller: formats its folder, then runs, in one start of Java instead of two. */
public class EmbeddedKafka {
  public static void main(String[] arguments) {
    String[] format = {"format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c", arguments[0]};
    if (kafka.tools.StorageTool.execute(format, System.out) != 0) {
      System.exit(1);
    }
    kafka.Kafka.main(arguments);
  }
}
